package store

import (
	"encoding/json"
	"errors"

	"idpool/identity"
)

// PoolRef is what a hot read tells of a pool: who it is, and the versions that caches of its settings and of its account's
// IAM go by.
type PoolRef struct {
	Key            int64
	ID             identity.ID
	Account        string
	Region         string
	Version        int64
	Epoch          int64
	AccountVersion int64
}

// Owner is the identity that a login, known by its hash, belongs to.
type Owner struct {
	Hash     [32]byte
	Identity identity.ID
	Epoch    int64 // of the identity
}

// MaxLogins is how many logins one call may show.
const MaxLogins = 10

var (
	insertPool = statement(`INSERT INTO pools (key, id, account, region, name, settings, version, epoch, created, deleted, swept)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, 0, 0)`)
	reservedBy = statement(`SELECT account FROM pools WHERE region = $1 AND id = $2 ORDER BY created LIMIT 1`)
	poolCount  = statement(`SELECT COUNT(*) FROM pools WHERE account = $1 AND region = $2 AND deleted = 0`)
	regionsOf  = statement(`SELECT DISTINCT region FROM pools WHERE account = $1 AND deleted = 0`)

	poolOfScope = statement(`SELECT key, account, region, id, version, epoch, created, settings FROM pools
		WHERE region = $2 AND id = $3 AND account = $1 AND deleted = 0`)
	poolByKey = statement(`SELECT key, account, region, id, version, epoch, created, settings FROM pools
		WHERE key = $1 AND deleted = 0`)
	poolPage = statement(`SELECT id, name FROM pools
		WHERE account = $1 AND region = $2 AND id > $3 AND deleted = 0 ORDER BY id LIMIT $4`)
	updatePool = statement(`UPDATE pools SET name = $2, settings = $3, version = $4 WHERE key = $1`)
	deletePool = statement(`UPDATE pools SET deleted = $2, settings = '{}', version = $3 WHERE key = $1`)

	findPool = statement(`SELECT p.key, p.account, p.version, p.epoch, a.version
		FROM pools p JOIN accounts a ON a.id = p.account
		WHERE p.region = $1 AND p.id = $2 AND p.deleted = 0`)
	findPoolAndOwner = statement(`SELECT p.key, p.account, p.version, p.epoch, a.version, l.hash, l.identity, i.epoch
		FROM pools p JOIN accounts a ON a.id = p.account
		LEFT JOIN logins l ON l.pool = p.key AND l.hash = $3 LEFT JOIN identities i ON i.id = l.identity
		WHERE p.region = $1 AND p.id = $2 AND p.deleted = 0`)
	findPoolAndOwners = statement(`SELECT p.key, p.account, p.version, p.epoch, a.version, l.hash, l.identity, i.epoch
		FROM pools p JOIN accounts a ON a.id = p.account
		LEFT JOIN logins l ON l.pool = p.key AND l.hash IN ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		LEFT JOIN identities i ON i.id = l.identity
		WHERE p.region = $1 AND p.id = $2 AND p.deleted = 0`)
)

// CreatePool adds a pool under p.Key and p.ID, which the caller has drawn. It returns ErrExists if the id is in use in
// that region, or was once used there by another account.
func (tx *Tx) CreatePool(p *identity.Pool) error {
	var owner string
	switch err := tx.row(reservedBy, []any{p.Region, p.ID[:]}, &owner); {
	case err == nil && owner != p.Account:
		return ErrExists
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	}
	settings, err := json.Marshal(p.Settings)
	if err != nil {
		return err
	}
	p.Version, p.Created = newVersion(), tx.Now()
	return tx.exec(insertPool, p.Key, p.ID[:], p.Account, p.Region, p.Name, string(settings), p.Version, p.Created.UnixMilli())
}

// PoolCount tells how many pools an account has in a region.
func (tx *Tx) PoolCount(s Scope) (n int64, err error) {
	err = tx.row(poolCount, []any{s.Account, s.Region}, &n)
	return n, err
}

// Regions lists the regions in which an account has pools.
func (tx *Tx) Regions(account string) ([]string, error) {
	var regions []string
	err := tx.rows(regionsOf, []any{account}, func(scan func(...any) error) error {
		var region string
		err := scan(&region)
		regions = append(regions, region)
		return err
	})
	return regions, err
}

// Pool returns a pool of a scope, or ErrNotFound.
func (tx *Tx) Pool(s Scope, id identity.ID) (*identity.Pool, error) {
	return tx.pool(poolOfScope, s.Account, s.Region, id[:])
}

// PoolByKey returns a pool by its internal key, or ErrNotFound.
func (tx *Tx) PoolByKey(key int64) (*identity.Pool, error) { return tx.pool(poolByKey, key) }

func (tx *Tx) pool(q *stmt, args ...any) (*identity.Pool, error) {
	p := &identity.Pool{}
	var id []byte
	var created int64
	var settings string
	err := tx.row(q, args, &p.Key, &p.Account, &p.Region, &id, &p.Version, &p.Epoch, &created, &settings)
	if err != nil {
		return nil, err
	}
	copy(p.ID[:], id)
	p.Created = fromMilli(created)
	return p, json.Unmarshal([]byte(settings), &p.Settings)
}

// PoolName is one line of a list of pools.
type PoolName struct {
	ID   identity.ID
	Name string
}

// Pools returns the pools of a scope with ids greater than after, in the order of their ids; a nil after begins.
func (tx *Tx) Pools(s Scope, after []byte, limit int) ([]PoolName, error) {
	var page []PoolName
	err := tx.rows(poolPage, []any{s.Account, s.Region, notNil(after), int64(limit)}, func(scan func(...any) error) error {
		var id []byte
		var p PoolName
		if err := scan(&id, &p.Name); err != nil {
			return err
		}
		copy(p.ID[:], id)
		page = append(page, p)
		return nil
	})
	return page, err
}

// UpdatePool stores the settings of a pool that the same transaction has read.
func (tx *Tx) UpdatePool(p *identity.Pool) error {
	settings, err := json.Marshal(p.Settings)
	if err != nil {
		return err
	}
	p.Version = newVersion()
	return tx.exec(updatePool, p.Key, p.Name, string(settings), p.Version)
}

// DeletePool marks a pool as deleted: from now on nobody finds it or anything in it. Sweep removes the rest.
func (tx *Tx) DeletePool(p *identity.Pool) error {
	return tx.exec(deletePool, p.Key, tx.Now().UnixMilli(), newVersion())
}

// FindPool is the read of a public call that names a pool: the pool, whatever its account, and who owns the logins with
// the given hashes, at most MaxLogins. One round trip.
func (tx *Tx) FindPool(region string, id identity.ID, hashes [][32]byte) (PoolRef, []Owner, error) {
	ref := PoolRef{ID: id, Region: region}
	if len(hashes) == 0 {
		err := tx.row(findPool, []any{region, id[:]}, &ref.Key, &ref.Account, &ref.Version, &ref.Epoch, &ref.AccountVersion)
		return ref, nil, err
	}
	q, args := findPoolAndOwner, []any{region, id[:], hashes[0][:]}
	if len(hashes) > 1 {
		q = findPoolAndOwners
		for i := 1; i < MaxLogins; i++ {
			args = append(args, hashes[min(i, len(hashes)-1)][:])
		}
	}
	var owners []Owner
	found := false
	err := tx.rows(q, args, func(scan func(...any) error) error {
		var hash, owner []byte
		var epoch *int64
		err := scan(&ref.Key, &ref.Account, &ref.Version, &ref.Epoch, &ref.AccountVersion, &hash, &owner, &epoch)
		found = true
		if owner != nil && epoch != nil {
			owners = append(owners, Owner{Hash: [32]byte(hash), Identity: identity.ID(owner), Epoch: *epoch})
		}
		return err
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	return ref, owners, err
}

// notNil makes the empty key of nil, which sorts before every other.
func notNil(key []byte) []byte {
	if key == nil {
		return []byte{}
	}
	return key
}
