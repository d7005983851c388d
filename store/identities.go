package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"idpool/identity"
)

var (
	findIdentity = statement(`SELECT i.pool, i.disabled, i.epoch, i.created, i.modified,
			p.id, p.account, p.version, p.epoch, a.version, l.provider, l.subject
		FROM identities i
		JOIN pools p ON p.key = i.pool AND p.deleted = 0
		JOIN accounts a ON a.id = p.account
		LEFT JOIN logins l ON l.identity = i.id
		WHERE i.id = $1 AND p.region = $2`)
	identityOfPool = statement(`SELECT i.disabled, i.epoch, i.created, i.modified, l.provider, l.subject
		FROM identities i LEFT JOIN logins l ON l.identity = i.id
		WHERE i.id = $1 AND i.pool = $2`)
	identityPage = statement(`SELECT i.id, i.disabled, i.epoch, i.created, i.modified, l.provider, l.subject
		FROM (SELECT id, disabled, epoch, created, modified FROM identities
			WHERE pool = $1 AND id > $2 AND (disabled = FALSE OR $3 = FALSE) ORDER BY id LIMIT $4) i
		LEFT JOIN logins l ON l.identity = i.id
		ORDER BY i.id`)

	// From the pool, so that nothing is put into one that is gone.
	insertIdentity = statement(`INSERT INTO identities (id, pool, disabled, epoch, created, modified)
		SELECT CAST($1 AS BYTEA), p.key, FALSE, 0, CAST($3 AS BIGINT), CAST($3 AS BIGINT)
		FROM pools p WHERE p.key = $2 AND p.deleted = 0`).on(sqlite, `INSERT INTO identities (id, pool, disabled, epoch, created, modified)
		SELECT $1, p.key, FALSE, 0, $3, $3 FROM pools p WHERE p.key = $2 AND p.deleted = 0`)
	insertLogin = statement(`INSERT INTO logins (pool, hash, identity, provider, subject, linked)
		VALUES ($1, $2, $3, $4, $5, $6)`)
	removeLogin     = statement(`DELETE FROM logins WHERE pool = $1 AND hash = $2`)
	ownerOf         = statement(`SELECT identity FROM logins WHERE pool = $1 AND hash = $2`)
	deleteLogins    = statement(`DELETE FROM logins WHERE identity = $1`)
	deleteIdentity  = statement(`DELETE FROM identities WHERE id = $1`)
	touchIdentity   = statement(`UPDATE identities SET modified = $2 WHERE id = $1`)
	moveLogins      = statement(`UPDATE logins SET identity = $2 WHERE identity = $1`)
	disableIdentity = statement(`UPDATE identities SET disabled = TRUE, epoch = epoch + 1, modified = $2 WHERE id = $1`)

	unsweptPool     = statement(`SELECT key FROM pools WHERE deleted <> 0 AND swept = 0 ORDER BY deleted LIMIT 1`)
	sweepLogins     = statement(`DELETE FROM logins WHERE pool = $1 AND hash IN (SELECT hash FROM logins WHERE pool = $1 LIMIT $2)`)
	sweepIdentities = statement(`DELETE FROM identities WHERE id IN (SELECT id FROM identities WHERE pool = $1 LIMIT $2)`)
	markSwept       = statement(`UPDATE pools SET swept = $2 WHERE key = $1`)
)

// FindIdentity is the read of a public call that names an identity: the identity with its logins and its pool, whatever
// their account. One round trip. It returns ErrNotFound.
func (tx *Tx) FindIdentity(region string, id identity.ID) (PoolRef, *identity.Identity, error) {
	ref := PoolRef{Region: region}
	found := &identity.Identity{ID: id}
	n := 0
	err := tx.rows(findIdentity, []any{id[:], region}, func(scan func(...any) error) error {
		n++
		var pool []byte
		err := scanIdentity(found, func(dest ...any) error {
			head := []any{&found.Pool, dest[0], dest[1], dest[2], dest[3], &pool, &ref.Account, &ref.Version, &ref.Epoch, &ref.AccountVersion}
			return scan(append(head, dest[4:]...)...)
		})
		copy(ref.ID[:], pool)
		return err
	})
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	ref.Key = found.Pool
	return ref, found, err
}

// IdentityOf returns an identity of a scope, or ErrNotFound.
func (tx *Tx) IdentityOf(s Scope, id identity.ID) (*identity.Identity, error) {
	ref, found, err := tx.FindIdentity(s.Region, id)
	if err == nil && ref.Account != s.Account {
		err = ErrNotFound
	}
	return found, err
}

// Identity returns an identity of a pool, or ErrNotFound.
func (tx *Tx) Identity(pool int64, id identity.ID) (*identity.Identity, error) {
	found := &identity.Identity{ID: id, Pool: pool}
	n := 0
	err := tx.rows(identityOfPool, []any{id[:], pool}, func(scan func(...any) error) error {
		n++
		return scanIdentity(found, scan)
	})
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return found, err
}

// Identities returns the identities of a pool with ids greater than after, in the order of their ids; a nil after begins.
func (tx *Tx) Identities(pool int64, after []byte, hideDisabled bool, limit int) ([]identity.Identity, error) {
	var page []identity.Identity
	args := []any{pool, notNil(after), hideDisabled, int64(limit)}
	err := tx.rows(identityPage, args, func(scan func(...any) error) error {
		var id []byte
		next := identity.Identity{Pool: pool}
		err := scanIdentity(&next, func(dest ...any) error { return scan(append([]any{&id}, dest...)...) })
		copy(next.ID[:], id)
		if last := len(page) - 1; last >= 0 && page[last].ID == next.ID {
			page[last].Logins = append(page[last].Logins, next.Logins...)
			return err
		}
		page = append(page, next)
		return err
	})
	for i := range page {
		sortLogins(&page[i])
	}
	return page, err
}

// scanIdentity reads a row of an identity and one of its logins: disabled, epoch, created, modified, provider, subject.
func scanIdentity(i *identity.Identity, scan func(...any) error) error {
	var created, modified int64
	var provider, subject []byte
	if err := scan(&i.Disabled, &i.Epoch, &created, &modified, &provider, &subject); err != nil {
		return err
	}
	i.Created, i.Modified = fromMilli(created), fromMilli(modified)
	if provider != nil {
		i.Logins = append(i.Logins, identity.Login{Provider: string(provider), Subject: string(subject)})
		sortLogins(i)
	}
	return nil
}

func sortLogins(i *identity.Identity) {
	slices.SortFunc(i.Logins, func(a, b identity.Login) int {
		if c := strings.Compare(a.Provider, b.Provider); c != 0 {
			return c
		}
		return strings.Compare(a.Subject, b.Subject)
	})
}

// CreateIdentity adds an identity without logins under an id that the caller has drawn. Into a pool that is gone it puts
// nothing, and says nothing: nobody can ever find out.
func (tx *Tx) CreateIdentity(pool int64, id identity.ID) error {
	return tx.exec(insertIdentity, id[:], pool, tx.Now().UnixMilli())
}

// Link gives logins to an identity; ErrExists if one of them has an owner.
func (tx *Tx) Link(pool int64, id identity.ID, logins ...identity.Login) error {
	for _, l := range logins {
		hash := l.Hash()
		err := tx.exec(insertLogin, pool, hash[:], id[:], []byte(l.Provider), []byte(l.Subject), tx.Now().UnixMilli())
		if err != nil {
			return err
		}
	}
	return nil
}

// Unlink takes logins from whoever has them.
func (tx *Tx) Unlink(pool int64, logins ...identity.Login) error {
	for _, l := range logins {
		hash := l.Hash()
		if err := tx.exec(removeLogin, pool, hash[:]); err != nil {
			return err
		}
	}
	return nil
}

// Owner returns the identity that has a login, or ErrNotFound.
func (tx *Tx) Owner(pool int64, l identity.Login) (*identity.Identity, error) {
	hash := l.Hash()
	var id []byte
	if err := tx.row(ownerOf, []any{pool, hash[:]}, &id); err != nil {
		return nil, err
	}
	return tx.Identity(pool, identity.ID(id))
}

// DeleteIdentity removes an identity and its logins; its sessions end. Assertions that it has used stay used.
func (tx *Tx) DeleteIdentity(id identity.ID) error {
	if err := tx.exec(deleteLogins, id[:]); err != nil {
		return err
	}
	return tx.exec(deleteIdentity, id[:])
}

// Touch marks an identity as modified now.
func (tx *Tx) Touch(id identity.ID) error { return tx.exec(touchIdentity, id[:], tx.Now().UnixMilli()) }

// Disable closes an identity for good; its sessions end.
func (tx *Tx) Disable(id identity.ID) error {
	return tx.exec(disableIdentity, id[:], tx.Now().UnixMilli())
}

// Absorb moves all logins of one identity to another and disables it; its sessions end. Assertions that it has used go
// along: who shows one again means the parent.
func (tx *Tx) Absorb(loser, parent identity.ID) error {
	for _, q := range []*stmt{moveLogins, moveAssertions} {
		if err := tx.exec(q, loser[:], parent[:]); err != nil {
			return err
		}
	}
	return tx.Disable(loser)
}

// SweepBatch is how many rows of one kind a transaction of Sweep removes.
const SweepBatch = 500

// Sweep removes what deleted pools have left behind, and bindings of expired assertions, a batch a transaction, and returns
// when nothing is left.
func (db *DB) Sweep(ctx context.Context) error {
	for {
		more := false
		err := db.Update(ctx, func(tx *Tx) error {
			var err error
			if more, err = tx.sweep(); err == nil && !more {
				more, err = tx.sweepAssertions()
			}
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

func (tx *Tx) sweep() (more bool, err error) {
	var pool int64
	if err := tx.row(unsweptPool, nil, &pool); err != nil {
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return false, err
	}
	for _, q := range []*stmt{sweepLogins, sweepIdentities} {
		n, err := tx.execCount(q, pool, int64(SweepBatch))
		if err != nil || n > 0 {
			return true, err
		}
	}
	return true, tx.exec(markSwept, pool, tx.Now().UnixMilli())
}
