package store

import "time"

// AccessKey is a long-lived key of an account's root or of a user.
type AccessKey struct {
	ID      string // AKIA...
	Account string
	User    string // the user's unique id; empty: the account's root
	Active  bool
	Secret  Sealed
	Created time.Time
}

// Signer is an access key with who signs by it.
type Signer struct {
	AccessKey
	UserName       string // empty: the account's root
	UserPath       string
	AccountVersion int64
}

var (
	insertAccessKey = statement(`INSERT INTO access_keys (id, account, username, status, sealed, master, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`)
	// A key whose user is gone is nobody's: it must not be taken for the root's.
	signerByKey = statement(`SELECT k.account, k.username, k.status, k.sealed, k.master, k.created,
			COALESCE(u.name, ''), COALESCE(u.path, ''), a.version
		FROM access_keys k JOIN accounts a ON a.id = k.account LEFT JOIN users u ON u.unique_id = k.username AND u.account = k.account
		WHERE k.id = $1 AND (k.username = '' OR u.name IS NOT NULL)`)
	accessKeysOf = byBytes(`SELECT id, status, sealed, master, created FROM access_keys
		WHERE account = $1 AND username = $2 ORDER BY id COLLATE BINARY`)
	updateAccessKey = statement(`UPDATE access_keys SET status = $2 WHERE id = $1`)
	deleteAccessKey = statement(`DELETE FROM access_keys WHERE id = $1`)
)

// CreateAccessKey adds a key; ErrExists if its id is taken.
func (tx *Tx) CreateAccessKey(k *AccessKey) error {
	if err := tx.touch(k.Account); err != nil {
		return err
	}
	return tx.exec(insertAccessKey, k.ID, k.Account, k.User, KeyStatus(k.Active), k.Secret.Box, k.Secret.Master,
		tx.Now().UnixMilli())
}

// Signer finds a key of any account by its id, and its user. It returns ErrNotFound, also for a key whose user is gone. One
// statement: every signed call runs it.
func (tx *Tx) Signer(keyID string) (*Signer, error) {
	s := &Signer{AccessKey: AccessKey{ID: keyID}}
	var status string
	var created int64
	err := tx.row(signerByKey, []any{keyID}, &s.Account, &s.User, &status, &s.Secret.Box, &s.Secret.Master, &created,
		&s.UserName, &s.UserPath, &s.AccountVersion)
	if err != nil {
		return nil, err
	}
	s.Active, s.Created = status == KeyStatus(true), fromMilli(created)
	return s, nil
}

// AccessKeys lists the keys of the user with a unique id, or of the root if that is empty, by id.
func (tx *Tx) AccessKeys(account, userID string) ([]AccessKey, error) {
	var keys []AccessKey
	err := tx.rows(accessKeysOf, []any{account, userID}, func(scan func(...any) error) error {
		k := AccessKey{Account: account, User: userID}
		var status string
		var created int64
		if err := scan(&k.ID, &status, &k.Secret.Box, &k.Secret.Master, &created); err != nil {
			return err
		}
		k.Active, k.Created = status == KeyStatus(true), fromMilli(created)
		keys = append(keys, k)
		return nil
	})
	return keys, err
}

// SwitchAccessKey makes a key active or inactive that the same transaction has read.
func (tx *Tx) SwitchAccessKey(k *AccessKey, active bool) error {
	if err := tx.touch(k.Account); err != nil {
		return err
	}
	return tx.exec(updateAccessKey, k.ID, KeyStatus(active))
}

// DeleteAccessKey removes a key that the same transaction has read.
func (tx *Tx) DeleteAccessKey(k *AccessKey) error {
	if err := tx.touch(k.Account); err != nil {
		return err
	}
	return tx.exec(deleteAccessKey, k.ID)
}

// KeyStatus is how IAM writes it.
func KeyStatus(active bool) string {
	if active {
		return "Active"
	}
	return "Inactive"
}
