package store

import (
	"context"
	"math"
	"reflect"

	"github.com/maypok86/otter/v2"
)

// CacheBytes is what each cache of settings is given.
const CacheBytes = 64 << 20

// Cache keeps what was read from the database, under keys that hold the version that every hot read brings along: an entry
// of an older version is never asked for again. What is loaded after its version was read can only be newer than its key
// says, never older. Nobody may change what is in it. Values are trees: in a circle of pointers weighing would never end.
type Cache[K comparable, V any] struct {
	entries *otter.Cache[K, V]
}

// NewCache makes a cache of at most about that many bytes; which entries go first is the cache's choice by use.
func NewCache[K comparable, V any](bytes uint64) (*Cache[K, V], error) {
	entries, err := otter.New(&otter.Options[K, V]{
		MaximumWeight: bytes,
		Weigher: func(key K, v V) uint32 {
			const fixed = 300 // the cache's own bookkeeping
			size := fixed + footprint(reflect.ValueOf(key)) + footprint(reflect.ValueOf(v))
			return uint32(min(size, math.MaxUint32)) // what is heavier than the bound is not kept
		},
	})
	return &Cache[K, V]{entries}, err
}

// Get returns the entry of a key, loaded if there is none. Callers who come while it is loaded wait for that, so that a hot
// pool is read once when its version changes. They share the load's error too, unless the context of the one who loads has
// ended: then another of them loads. Errors are not kept: strangers could fill the cache with them.
//
// The load reads under ctx, which is its caller's, and depends on nothing else of the caller but the key.
func (c *Cache[K, V]) Get(ctx context.Context, key K, load func() (V, error)) (V, error) {
	return c.entries.Get(ctx, key, otter.LoaderFunc[K, V](func(context.Context, K) (V, error) { return load() }))
}

// Bytes is what the entries weigh now.
func (c *Cache[K, V]) Bytes() uint64 {
	c.entries.CleanUp() // does what is still to be done about the last writes
	return c.entries.WeightedSize()
}

// footprint estimates the bytes that a value points to; its own are its holder's. What is shared counts as often as it is
// reached. Measured on roles and pools, usual ones and such as were made to cheat, they keep between half of this and all.
func footprint(v reflect.Value) uintptr {
	const header = 16 // what an allocation is rounded up by, about
	var n uintptr
	switch v.Kind() {
	case reflect.String:
		return header + uintptr(v.Len())
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			n = header + v.Elem().Type().Size() + footprint(v.Elem())
		}
	case reflect.Slice:
		n = header + uintptr(v.Cap())*v.Type().Elem().Size()
		for i := range v.Len() {
			n += footprint(v.Index(i))
		}
	case reflect.Array: // whose elements are its holder's
		for i := range v.Len() {
			n += footprint(v.Index(i))
		}
	case reflect.Map:
		if v.IsNil() {
			return 0
		}
		n = header + 2*uintptr(max(4, v.Len()))*(v.Type().Key().Size()+v.Type().Elem().Size()) // a place may be free
		for entry := v.MapRange(); entry.Next(); {
			n += footprint(entry.Key()) + footprint(entry.Value())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			n += footprint(v.Field(i))
		}
	}
	return n
}
