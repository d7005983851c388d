package store

import (
	"encoding/json"
	"time"
)

// User is an IAM user.
type User struct {
	Account  string
	Name     string // unique in its account, whatever its case
	Path     string // "/" or "/a/b/"
	UniqueID string // AIDA..., never used again
	Boundary string // the ARN of the managed policy that bounds the user's permissions, empty for none
	Tags     map[string]string
	Created  time.Time
}

// ARN is arn:aws:iam::ACCOUNT:user/PATH/NAME.
func (u *User) ARN() string { return "arn:aws:iam::" + u.Account + ":user" + u.Path + u.Name }

// Key is what lists of users are ordered by, byte by byte: the name in lower case.
func (u *User) Key() string { return nameKey(u.Name) }

const userColumns = `account, name, path, unique_id, boundary, tags, created`

var (
	insertUser = statement(`INSERT INTO users (account, name_key, name, path, unique_id, boundary, tags, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
	updateUser = statement(`UPDATE users SET name_key = $2, name = $3, path = $4, boundary = $5, tags = $6 WHERE unique_id = $1`)
	userByName = statement(`SELECT ` + userColumns + ` FROM users WHERE account = $1 AND name_key = $2`)
	userByID   = statement(`SELECT ` + userColumns + ` FROM users WHERE unique_id = $1`)
	userPage   = statement(`SELECT ` + userColumns + ` FROM users
		WHERE account = $1 AND name_key > $2 AND substr(path, 1, CAST($4 AS INTEGER)) = $3 ORDER BY name_key LIMIT $5`)
	userCount  = statement(`SELECT COUNT(*) FROM users WHERE account = $1`)
	deleteUser = statement(`DELETE FROM users WHERE unique_id = $1`)

	putUserPolicy = statement(`INSERT INTO user_policies (user_id, name, document) VALUES ($1, $2, $3)
		ON CONFLICT (user_id, name) DO UPDATE SET document = excluded.document`)
	userPolicyByName = statement(`SELECT document FROM user_policies WHERE user_id = $1 AND name = $2`)
	userPolicies     = byBytes(`SELECT name, document FROM user_policies WHERE user_id = $1 ORDER BY name COLLATE BINARY`)
	deleteUserPolicy = statement(`DELETE FROM user_policies WHERE user_id = $1 AND name = $2`)
)

// CreateUser adds a user; ErrExists if its name is taken.
func (tx *Tx) CreateUser(u *User) error {
	tags, err := json.Marshal(u.Tags)
	if err != nil {
		return err
	}
	if err := tx.touch(u.Account); err != nil {
		return err
	}
	return tx.exec(insertUser, u.Account, []byte(u.Key()), u.Name, u.Path, u.UniqueID, u.Boundary, string(tags),
		tx.Now().UnixMilli())
}

// ChangeUser stores the name, path, boundary and tags of a user that the same transaction has read; ErrExists if the name is
// another user's. Keys and inline policies are the user's as before.
func (tx *Tx) ChangeUser(u *User) error {
	tags, err := json.Marshal(u.Tags)
	if err != nil {
		return err
	}
	if err := tx.touch(u.Account); err != nil {
		return err
	}
	return tx.exec(updateUser, u.UniqueID, []byte(u.Key()), u.Name, u.Path, u.Boundary, string(tags))
}

// User returns a user by its name, in any case, or ErrNotFound.
func (tx *Tx) User(account, name string) (*User, error) {
	return tx.user(userByName, account, []byte(nameKey(name)))
}

// UserByID returns a user of any account by its unique id, or ErrNotFound.
func (tx *Tx) UserByID(id string) (*User, error) { return tx.user(userByID, id) }

func (tx *Tx) user(q *stmt, args ...any) (*User, error) {
	var u *User
	err := tx.rows(q, args, func(scan func(...any) error) (err error) {
		u, err = scanUser(scan)
		return err
	})
	if err == nil && u == nil {
		err = ErrNotFound
	}
	return u, err
}

func scanUser(scan func(...any) error) (*User, error) {
	u := &User{}
	var tags string
	var created int64
	if err := scan(&u.Account, &u.Name, &u.Path, &u.UniqueID, &u.Boundary, &tags, &created); err != nil {
		return nil, err
	}
	u.Created = fromMilli(created)
	return u, json.Unmarshal([]byte(tags), &u.Tags)
}

// Users returns the users of an account whose paths begin with a prefix, in the order of their keys, from the first one
// after the key that is given; an empty key begins.
func (tx *Tx) Users(account, pathPrefix, after string, limit int) ([]*User, error) {
	var page []*User
	args := []any{account, []byte(after), pathPrefix, int64(len(pathPrefix)), int64(limit)}
	err := tx.rows(userPage, args, func(scan func(...any) error) error {
		u, err := scanUser(scan)
		page = append(page, u)
		return err
	})
	return page, err
}

// UserCount tells how many users an account has.
func (tx *Tx) UserCount(account string) (n int64, err error) {
	err = tx.row(userCount, []any{account}, &n)
	return n, err
}

// DeleteUser removes a user. Its keys and inline policies must be gone.
func (tx *Tx) DeleteUser(u *User) error {
	if err := tx.touch(u.Account); err != nil {
		return err
	}
	return tx.exec(deleteUser, u.UniqueID)
}

// PutUserPolicy sets an inline policy of a user.
func (tx *Tx) PutUserPolicy(u *User, name, document string) error {
	if err := tx.touch(u.Account); err != nil {
		return err
	}
	return tx.exec(putUserPolicy, u.UniqueID, name, document)
}

// UserPolicy returns the document of an inline policy of the user with a unique id, or ErrNotFound.
func (tx *Tx) UserPolicy(userID, name string) (document string, err error) {
	err = tx.row(userPolicyByName, []any{userID, name}, &document)
	return document, err
}

// UserPolicies returns the inline policies of the user with a unique id, by name.
func (tx *Tx) UserPolicies(userID string) (map[string]string, error) {
	policies := make(map[string]string)
	err := tx.rows(userPolicies, []any{userID}, func(scan func(...any) error) error {
		var name, document string
		err := scan(&name, &document)
		policies[name] = document
		return err
	})
	return policies, err
}

// DeleteUserPolicy removes an inline policy.
func (tx *Tx) DeleteUserPolicy(u *User, name string) error {
	if err := tx.touch(u.Account); err != nil {
		return err
	}
	return tx.exec(deleteUserPolicy, u.UniqueID, name)
}
