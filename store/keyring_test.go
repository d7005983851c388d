package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"time"
)

// newKeyring makes a node's keyring, with a clock that stands still until the test moves it.
func newKeyring(t *testing.T, db *DB) (r *Keyring, now *time.Time) {
	t.Helper()
	master, err := NewMaster(make([]byte, MasterKeySize))
	must(t, err)
	now = new(time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC))
	r = &Keyring{DB: db, Master: master, Now: func() time.Time { return *now }, Rand: rand.Reader}
	must(t, r.Refresh(t.Context()))
	return r, now
}

func sealingKeys(t *testing.T, db *DB) (keys []SealingKey) {
	t.Helper()
	must(t, db.View(t.Context(), func(tx *Tx) (err error) { keys, err = tx.SealingKeys(); return err }))
	return keys
}

// Nodes share their keys: the first makes one, the others read it, and one that came later is found when it is asked for.
func TestKeyringFindsOtherNodesKeys(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		one, now := newKeyring(t, db)
		two, _ := newKeyring(t, db)
		if !bytes.Equal(one.Current().Key, two.Current().Key) || len(sealingKeys(t, db)) != 1 {
			t.Fatalf("two nodes made %d keys", len(sealingKeys(t, db)))
		}
		later := bytes.Repeat([]byte{7}, 32)
		change(t, db, func(tx *Tx) error {
			return tx.CreateSealingKey(&SealingKey{ID: 7, State: Retired, Key: one.Master.Seal(sealingContext(7), later)})
		})
		if k, err := one.Find(t.Context(), 7); err != nil || !bytes.Equal(k.Key, later) || k.ID != 7 {
			t.Errorf("another node's key: %+v, %v", k, err)
		}
		change(t, db, func(tx *Tx) error {
			return tx.CreateSealingKey(&SealingKey{ID: 8, State: Retired, Key: one.Master.Seal(sealingContext(8), later)})
		})
		if _, err := one.Find(t.Context(), 8); !errors.Is(err, ErrNotFound) {
			t.Errorf("within the second: %v, want ErrNotFound without a look", err)
		}
		*now = now.Add(time.Second)
		if _, err := one.Find(t.Context(), 8); err != nil {
			t.Errorf("a second later: %v", err)
		}
	})
}

// To look for a key makes none, not even where there is none left: that would part the nodes from what they sealed.
func TestKeyringFindOnlyReads(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		r, _ := newKeyring(t, db)
		change(t, db, func(tx *Tx) error { return tx.exec(testNoKeys) })
		if _, err := r.Find(t.Context(), 7); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("%v, want an error that says what is wrong", err)
		}
		if keys := sealingKeys(t, db); len(keys) != 0 {
			t.Errorf("there are %d keys", len(keys))
		}
		if r.Current() == nil {
			t.Error("the key in memory is gone")
		}
	})
}

var testNoKeys = statement(`DELETE FROM sealing_keys`)

// What is sealed opens on every node, whole and for what it was sealed for, and no other way.
func TestBoxes(t *testing.T) {
	db := openLite(t, Options{})
	r, now := newKeyring(t, db)
	two, _ := newKeyring(t, db)
	seal := func() []byte {
		box, err := r.Seal("purpose", []byte("text"), []byte("of A"))
		must(t, err)
		return box
	}
	box := seal()
	if bytes.Equal(box, seal()) {
		t.Error("two boxes have one salt")
	}
	if text, err := two.Open(t.Context(), box, "purpose", []byte("of A")); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
	refused := func(name string, box []byte, purpose, associated string) {
		t.Helper()
		*now = now.Add(time.Second)
		if text, err := r.Open(t.Context(), box, purpose, []byte(associated)); !errors.Is(err, ErrBox) {
			t.Errorf("%s: %q, %v; want ErrBox", name, text, err)
		}
	}
	refused("another purpose", box, "purpose 2", "of A")
	refused("of another", box, "purpose", "of B")
	refused("longer", append(bytes.Clone(box), 0), "purpose", "of A")
	for i := range box {
		changed := bytes.Clone(box)
		changed[i] ^= 1
		refused("changed", changed, "purpose", "of A")
		refused("shorter", box[:i], "purpose", "of A")
	}
}
