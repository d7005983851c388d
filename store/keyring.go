package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Keyring is the deployment's sealing keys as a node holds them, from which the keys of session tokens, page tokens and
// the like are derived. Set the fields, call Refresh, then use it from any number of goroutines.
type Keyring struct {
	DB     *DB
	Master *Master
	Now    func() time.Time
	Rand   io.Reader

	ring Snapshot[openKeys]
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

// Find returns a key by its id, or ErrNotFound. One that this node does not know may be another node's newest.
func (r *Keyring) Find(ctx context.Context, id int64) (*OpenKey, error) {
	has := func(k *openKeys) bool { return k.byID[id] != nil }
	ring, err := r.ring.Find(ctx, r.Now, has, r.read)
	if err != nil {
		return nil, err
	}
	return ring.byID[id], nil
}

// Refresh reads the keys, and makes the first. Call it first, and alone.
func (r *Keyring) Refresh(ctx context.Context) error {
	return r.ring.Refresh(ctx, func(ctx context.Context) (*openKeys, error) {
		stored, err := r.stored(ctx)
		if err == nil && len(stored) == 0 {
			if err = r.create(ctx); err == nil {
				stored, err = r.stored(ctx)
			}
		}
		return r.open(stored, err)
	})
}

// read reads the keys, and changes nothing.
func (r *Keyring) read(ctx context.Context) (*openKeys, error) { return r.open(r.stored(ctx)) }

func (r *Keyring) open(stored []SealingKey, err error) (*openKeys, error) {
	if err != nil {
		return nil, fmt.Errorf("sealing keys: %w", err)
	}
	ring := &openKeys{byID: make(map[int64]*OpenKey, len(stored))}
	for _, k := range stored {
		key, err := r.Master.Open(sealingContext(k.ID), k.Key)
		if err != nil {
			return nil, err
		}
		ring.byID[k.ID] = &OpenKey{ID: k.ID, Key: key}
		if k.State == Current {
			ring.current = ring.byID[k.ID]
		}
	}
	if ring.current == nil {
		return nil, errors.New("the database has no current sealing key")
	}
	return ring, nil
}

func (r *Keyring) stored(ctx context.Context) (keys []SealingKey, err error) {
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
