package store

import (
	"errors"
	"testing"
)

// A box may come from anywhere: one that is shorter than its head is no box, also for those who have not asked BoxKey.
func TestShortBox(t *testing.T) {
	r, _ := newKeyring(t, openLite(t, Options{}))
	box, err := r.Seal("purpose", []byte("text"), nil)
	must(t, err)
	salted, err := r.Current().SaltedLike(box)
	must(t, err)
	for size := range boxHead {
		if _, err := r.Current().SaltedLike(box[:size]); !errors.Is(err, ErrBox) {
			t.Errorf("the salt of %d bytes: %v, want ErrBox", size, err)
		}
		if _, err := salted.Open(box[:size], "purpose", nil); !errors.Is(err, ErrBox) {
			t.Errorf("a text of %d bytes: %v, want ErrBox", size, err)
		}
	}
}
