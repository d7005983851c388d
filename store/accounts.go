package store

import (
	"math/rand/v2"
	"time"
)

// Scope is what a signed call may see: the resources of one account in one region.
type Scope struct {
	Account string
	Region  string
}

var (
	insertAccount  = statement(`INSERT INTO accounts (id, version, created) VALUES ($1, $2, $3)`)
	accountVersion = statement(`SELECT version FROM accounts WHERE id = $1`)
	touchAccount   = statement(`UPDATE accounts SET version = $2 WHERE id = $1`)
	accountCreated = statement(`SELECT created FROM accounts WHERE id = $1`)
)

// CreateAccount adds an account; ErrExists if it is there.
func (tx *Tx) CreateAccount(id string) error {
	return tx.exec(insertAccount, id, newVersion(), tx.Now().UnixMilli())
}

// AccountVersion returns the number that is another after every change to the account's IAM, or ErrNotFound.
func (tx *Tx) AccountVersion(id string) (version int64, err error) {
	err = tx.row(accountVersion, []any{id}, &version)
	return version, err
}

// AccountCreated returns when the account was made, or ErrNotFound.
func (tx *Tx) AccountCreated(id string) (time.Time, error) {
	var created int64
	err := tx.row(accountCreated, []any{id}, &created)
	return fromMilli(created), err
}

// touch makes every cache of the account's IAM, on every node, look again.
func (tx *Tx) touch(account string) error { return tx.exec(touchAccount, account, newVersion()) }

// newVersion draws the version that a change makes. Numbers that count would come again where a database has lost changes (a
// standby that had not received them has taken over, or a backup was restored), and caches would take the new for the old.
func newVersion() int64 { return 1 + rand.Int64N(1<<62) }

func fromMilli(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
