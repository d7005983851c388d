package store

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// loader makes texts, and counts how often it is asked.
type loader struct{ calls int }

func (l *loader) text(size int) func() (string, error) {
	return func() (string, error) {
		l.calls++
		return strings.Repeat("x", size), nil
	}
}

func textCache(t *testing.T, bytes uint64) *Cache[int, string] {
	t.Helper()
	c, err := NewCache[int, string](bytes)
	must(t, err)
	return c
}

func TestCacheLoadsOnce(t *testing.T) {
	c, l := textCache(t, 1<<20), loader{}
	for range 3 {
		if got, err := c.Get(1, l.text(3)); got != "xxx" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	if l.calls != 1 {
		t.Errorf("loaded %d times", l.calls)
	}
	failed := errors.New("failed")
	for range 2 {
		if _, err := c.Get(2, func() (string, error) { l.calls++; return "", failed }); !errors.Is(err, failed) {
			t.Errorf("%v, want the load's error", err)
		}
	}
	if l.calls != 3 {
		t.Errorf("an error was kept: loaded %d times", l.calls)
	}
}

// However large the things are, and however many, the cache stays within its bytes.
func TestCacheIsBoundedInBytes(t *testing.T) {
	const bound = 100_000
	for _, size := range []int{0, 100, 10_000, 200_000} {
		c, l := textCache(t, bound), loader{}
		for key := range 1000 {
			_, err := c.Get(key, l.text(size))
			must(t, err)
		}
		if got := c.Bytes(); got > bound || size < bound/4 && got < bound/2 {
			t.Errorf("1000 texts of %d bytes: %d bytes are kept, of %d", size, got, bound)
		}
	}
}

// Everything that a value points to counts: a field or a kind that footprint passes over would be memory for nothing.
func TestFootprint(t *testing.T) {
	type part struct {
		text string
		list []string
		byID map[string]string
		next *part
		any  any
	}
	long := strings.Repeat("x", 1000)
	for name, v := range map[string]any{
		"text": part{text: long}, "list": part{list: []string{"", long}}, "capacity": part{list: make([]string, 0, 1000/16)},
		"key": part{byID: map[string]string{long: ""}}, "value": part{byID: map[string]string{"": long}},
		"pointer": &part{next: &part{text: long}}, "interface": part{any: []any{long}},
	} {
		if got := footprint(reflect.ValueOf(v)); got < 1000-16 || got > 2000 {
			t.Errorf("%s: %d bytes, want 1000 and what holds them", name, got)
		}
	}
	if got := footprint(reflect.ValueOf(part{})); got > 100 {
		t.Errorf("nothing: %d bytes", got)
	}
}
