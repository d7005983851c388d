package store

import "time"

// Scope is what a signed call may see: the resources of one account in one region.
type Scope struct {
	Account string
	Region  string
}

var (
	insertAccount  = statement(`INSERT INTO accounts (id, version, created) VALUES ($1, 1, $2)`)
	accountVersion = statement(`SELECT version FROM accounts WHERE id = $1`)
	touchAccount   = statement(`UPDATE accounts SET version = version + 1 WHERE id = $1`)

	insertAccessKey = statement(`INSERT INTO access_keys (id, account, username, status, sealed, master, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`)
	accessKeyByID = statement(`SELECT account, username, status, sealed, master, created FROM access_keys WHERE id = $1`)
	accessKeysOf  = statement(`SELECT id, status, sealed, master, created FROM access_keys
		WHERE account = $1 AND username = $2 ORDER BY id`)
)

// CreateAccount adds an account; ErrExists if it is there.
func (tx *Tx) CreateAccount(id string) error {
	return tx.exec(insertAccount, id, tx.Now().UnixMilli())
}

// AccountVersion returns the number that rises with every change to the account's IAM, or ErrNotFound.
func (tx *Tx) AccountVersion(id string) (version int64, err error) {
	err = tx.row(accountVersion, []any{id}, &version)
	return version, err
}

// touch makes every cache of the account's IAM, on every node, look again.
func (tx *Tx) touch(account string) error { return tx.exec(touchAccount, account) }

// AccessKey is a long-lived key of an account's root or of a user.
type AccessKey struct {
	ID      string // AKIA...
	Account string
	User    string // empty: the account's root
	Active  bool
	Secret  Sealed
	Created time.Time
}

// CreateAccessKey adds a key; ErrExists if its id is taken.
func (tx *Tx) CreateAccessKey(k *AccessKey) error {
	return tx.exec(insertAccessKey, k.ID, k.Account, k.User, keyStatus(k.Active), k.Secret.Box, k.Secret.Master,
		tx.Now().UnixMilli())
}

// AccessKey finds a key of any account by its id, or returns ErrNotFound.
func (tx *Tx) AccessKey(id string) (*AccessKey, error) {
	k := &AccessKey{ID: id}
	var status string
	var created int64
	err := tx.row(accessKeyByID, []any{id}, &k.Account, &k.User, &status, &k.Secret.Box, &k.Secret.Master, &created)
	if err != nil {
		return nil, err
	}
	k.Active, k.Created = status == keyStatus(true), fromMilli(created)
	return k, nil
}

// AccessKeys lists the keys of a user, or of the root if user is empty, by id.
func (tx *Tx) AccessKeys(account, user string) ([]AccessKey, error) {
	var keys []AccessKey
	err := tx.rows(accessKeysOf, []any{account, user}, func(scan func(...any) error) error {
		k := AccessKey{Account: account, User: user}
		var status string
		var created int64
		if err := scan(&k.ID, &status, &k.Secret.Box, &k.Secret.Master, &created); err != nil {
			return err
		}
		k.Active, k.Created = status == keyStatus(true), fromMilli(created)
		keys = append(keys, k)
		return nil
	})
	return keys, err
}

// keyStatus is how IAM writes it.
func keyStatus(active bool) string {
	if active {
		return "Active"
	}
	return "Inactive"
}

func fromMilli(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
