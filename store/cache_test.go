package store

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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

// Those who come while an entry is loaded wait for it, and those who come later find it.
func TestCacheLoadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l := textCache(t, 1<<20), loader{}
		release := make(chan struct{})
		get := func() {
			got, err := c.Get(t.Context(), 1, func() (string, error) { <-release; return l.text(3)() })
			if got != "xxx" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
		for range 50 {
			go get()
		}
		synctest.Wait()
		close(release)
		synctest.Wait()
		get()
		if l.calls != 1 {
			t.Errorf("loaded %d times", l.calls)
		}
	})
}

// An error is its callers', and nobody's who comes later.
func TestCacheKeepsNoErrors(t *testing.T) {
	c, l := textCache(t, 1<<20), loader{}
	failed := errors.New("failed")
	for range 2 {
		if _, err := c.Get(t.Context(), 2, func() (string, error) { l.calls++; return "", failed }); !errors.Is(err, failed) {
			t.Errorf("%v, want the load's error", err)
		}
	}
	if got, err := c.Get(t.Context(), 2, l.text(1)); got != "x" || err != nil || l.calls != 3 {
		t.Errorf("after two failures: %q, %v, loaded %d times", got, err, l.calls)
	}
}

// Whoever loads and hangs up fails nobody else, and who waits for a load can hang up too.
func TestCacheWaitersGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l := textCache(t, 1<<20), loader{}
		loads, hangUp := context.WithCancel(t.Context())
		waits, giveUp := context.WithTimeout(t.Context(), time.Second)
		defer giveUp()
		var first, second, third error
		go func() {
			_, first = c.Get(loads, 1, func() (string, error) { <-loads.Done(); return "", loads.Err() })
		}()
		synctest.Wait()
		go func() { _, second = c.Get(waits, 1, l.text(1)) }()
		go func() { _, third = c.Get(t.Context(), 1, l.text(1)) }()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !errors.Is(second, context.DeadlineExceeded) || l.calls != 0 {
			t.Errorf("a waiter whose time is over: %v", second)
		}
		hangUp()
		synctest.Wait()
		if !errors.Is(first, context.Canceled) || third != nil || l.calls != 1 {
			t.Errorf("who hung up has %v, who waited %v after %d loads", first, third, l.calls)
		}
	})
}

// However large the things are, and however many, the cache stays within its bytes.
func TestCacheIsBoundedInBytes(t *testing.T) {
	const bound = 100_000
	for _, size := range []int{0, 100, 10_000, 200_000} {
		c, l := textCache(t, bound), loader{}
		for key := range 1000 {
			_, err := c.Get(t.Context(), key, l.text(size))
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
		two  [2]string
	}
	long := strings.Repeat("x", 1000)
	for name, v := range map[string]any{
		"text": part{text: long}, "list": part{list: []string{"", long}}, "capacity": part{list: make([]string, 0, 1000/16)},
		"key": part{byID: map[string]string{long: ""}}, "value": part{byID: map[string]string{"": long}},
		"pointer": &part{next: &part{text: long}}, "interface": part{any: []any{long}},
		"array": part{two: [2]string{"", long}}, "array of pointers": [1]*part{{text: long}},
	} {
		if got := footprint(reflect.ValueOf(v)); got < 1000-16 || got > 2000 {
			t.Errorf("%s: %d bytes, want 1000 and what holds them", name, got)
		}
	}
	if got := footprint(reflect.ValueOf(part{})); got > 100 {
		t.Errorf("nothing: %d bytes", got)
	}
}
