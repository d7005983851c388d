package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Keyring is the deployment's sealing keys as a node holds them, from which the keys of session tokens, page tokens and
// the like are derived. Set the fields, call Refresh, then use it from any number of goroutines.
type Keyring struct {
	DB     *DB
	Master *Master
	Now    func() time.Time
	Rand   io.Reader

	ring      atomic.Pointer[openKeys]
	refreshes sync.Mutex
	lastTry   time.Time // of a refresh for an unknown key; under refreshes
}

// OpenKey is an unsealed sealing key, 32 bytes.
type OpenKey struct {
	ID  int64
	Key []byte
}

type openKeys struct {
	current *OpenKey
	byID    map[int64]*OpenKey
}

// Current is the key to seal with.
func (r *Keyring) Current() *OpenKey { return r.ring.Load().current }

// minRefresh is the shortest time between two looks into the database for a key that nobody knows: strangers name keys.
const minRefresh = time.Second

// Find returns a key by its id, or ErrNotFound. One that this node does not know may be another node's newest.
func (r *Keyring) Find(ctx context.Context, id int64) (*OpenKey, error) {
	if k := r.ring.Load().byID[id]; k != nil {
		return k, nil
	}
	r.refreshes.Lock()
	defer r.refreshes.Unlock()
	if now := r.Now(); now.Sub(r.lastTry) >= minRefresh {
		r.lastTry = now
		if err := r.refresh(ctx); err != nil {
			return nil, err
		}
	}
	if k := r.ring.Load().byID[id]; k != nil {
		return k, nil
	}
	return nil, ErrNotFound
}

// Refresh reads the keys, and makes the first.
func (r *Keyring) Refresh(ctx context.Context) error {
	r.refreshes.Lock()
	defer r.refreshes.Unlock()
	return r.refresh(ctx)
}

func (r *Keyring) refresh(ctx context.Context) error {
	stored, err := r.read(ctx)
	if err == nil && len(stored) == 0 {
		if err = r.create(ctx); err == nil {
			stored, err = r.read(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("sealing keys: %w", err)
	}
	ring := &openKeys{byID: make(map[int64]*OpenKey, len(stored))}
	for _, k := range stored {
		key, err := r.Master.Open(sealingContext(k.ID), k.Key)
		if err != nil {
			return err
		}
		ring.byID[k.ID] = &OpenKey{ID: k.ID, Key: key}
		if k.State == Current {
			ring.current = ring.byID[k.ID]
		}
	}
	if ring.current == nil {
		return errors.New("the database has no current sealing key")
	}
	r.ring.Store(ring)
	return nil
}

func (r *Keyring) read(ctx context.Context) (keys []SealingKey, err error) {
	err = r.DB.View(ctx, func(tx *Tx) error {
		keys, err = tx.SealingKeys()
		return err
	})
	return keys, err
}

// create makes the first key. Of nodes that do it at once one wins, and the others read its key.
func (r *Keyring) create(ctx context.Context) error {
	random := make([]byte, 8+32)
	if _, err := io.ReadFull(r.Rand, random); err != nil {
		return err
	}
	id := int64(binary.BigEndian.Uint64(random) >> 1)
	key := &SealingKey{ID: id, State: Current, Key: r.Master.Seal(sealingContext(id), random[8:])}
	err := r.DB.Update(ctx, func(tx *Tx) error {
		if keys, err := tx.SealingKeys(); err != nil || len(keys) > 0 {
			return err
		}
		return tx.CreateSealingKey(key)
	})
	if errors.Is(err, ErrExists) {
		return nil
	}
	return err
}

func sealingContext(id int64) string { return fmt.Sprintf("sealing key %d", id) }
