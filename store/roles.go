package store

import (
	"encoding/json"
	"strings"
	"time"

	"idpool/identity"
)

// Role is an IAM role.
type Role struct {
	Account     string
	Name        string // unique in its account, whatever its case
	Path        string // "/" or "/a/b/"
	UniqueID    string // AROA..., never used again
	Trust       string // the trust policy as it was sent
	Description string
	MaxSession  time.Duration
	Tags        map[string]string
	Epoch       int64  // rises when the role's sessions are revoked
	Boundary    string // the ARN of a managed policy; empty: none
	Created     time.Time
}

var (
	insertRole = statement(`INSERT INTO roles
		(account, name_key, name, path, unique_id, trust, description, max_session, tags, epoch, created, boundary)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11)`)
	roleByName = statement(`SELECT name, path, unique_id, trust, description, max_session, tags, epoch, created, boundary
		FROM roles WHERE account = $1 AND name_key = $2`)
	rolePage = byBytes(`SELECT name, path, unique_id, trust, description, max_session, tags, epoch, created, boundary
		FROM roles WHERE account = $1 AND name_key COLLATE BINARY > $2 AND SUBSTR(path, 1, LENGTH(CAST($3 AS TEXT))) = $3
		ORDER BY name_key COLLATE BINARY LIMIT $4`)
	updateRole = statement(`UPDATE roles SET description = $3, max_session = $4, tags = $5, boundary = $6
		WHERE account = $1 AND name_key = $2`)
	updateRoleTrust = statement(`UPDATE roles SET trust = $3 WHERE account = $1 AND name_key = $2`)
	deleteRole      = statement(`DELETE FROM roles WHERE account = $1 AND name_key = $2`)
	roleCount       = statement(`SELECT COUNT(*) FROM roles WHERE account = $1`)
	putRolePolicy   = statement(`INSERT INTO role_policies (account, role_key, name, document) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, role_key, name) DO UPDATE SET document = excluded.document`)
	rolePolicyByName = statement(`SELECT document FROM role_policies WHERE account = $1 AND role_key = $2 AND name = $3`)
	rolePolicies     = byBytes(`SELECT name, document FROM role_policies WHERE account = $1 AND role_key = $2 ORDER BY name COLLATE BINARY`)
	deleteRolePolicy = statement(`DELETE FROM role_policies WHERE account = $1 AND role_key = $2 AND name = $3`)

	sessionOfRole = statement(`SELECT r.account, a.version, r.path, r.name, r.epoch
		FROM roles r JOIN accounts a ON a.id = r.account WHERE r.unique_id = $1`)
	sessionOfPool = statement(`SELECT r.account, a.version, r.path, r.name, r.epoch, p.epoch, i.epoch, i.disabled
		FROM roles r JOIN accounts a ON a.id = r.account
		JOIN identities i ON i.id = $2 JOIN pools p ON p.key = i.pool AND p.deleted = 0
		WHERE r.unique_id = $1`)
)

func nameKey(name string) string { return strings.ToLower(name) }

// CreateRole adds a role; ErrExists if its name is taken.
func (tx *Tx) CreateRole(r *Role) error {
	tags, err := json.Marshal(r.Tags)
	if err != nil {
		return err
	}
	if err := tx.touch(r.Account); err != nil {
		return err
	}
	return tx.exec(insertRole, r.Account, nameKey(r.Name), r.Name, r.Path, r.UniqueID, r.Trust, r.Description,
		int64(r.MaxSession/time.Second), string(tags), tx.Now().UnixMilli(), r.Boundary)
}

// Role returns a role by its name, in any case, or ErrNotFound.
func (tx *Tx) Role(account, name string) (*Role, error) {
	r := &Role{Account: account}
	err := scanRole(r, func(dest ...any) error { return tx.row(roleByName, []any{account, nameKey(name)}, dest...) })
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Key is what lists of roles are ordered by, byte by byte: the name in lower case.
func (r *Role) Key() string { return nameKey(r.Name) }

// Roles returns the roles of an account whose paths begin with a prefix, in the order of their keys, from the first one
// after the key that is given; an empty key begins.
func (tx *Tx) Roles(account, prefix, after string, limit int) ([]Role, error) {
	var page []Role
	err := tx.rows(rolePage, []any{account, after, prefix, int64(limit)}, func(scan func(...any) error) error {
		r := Role{Account: account}
		err := scanRole(&r, scan)
		page = append(page, r)
		return err
	})
	return page, err
}

func scanRole(r *Role, scan func(...any) error) error {
	var seconds, created int64
	var tags string
	err := scan(&r.Name, &r.Path, &r.UniqueID, &r.Trust, &r.Description, &seconds, &tags, &r.Epoch, &created, &r.Boundary)
	if err != nil {
		return err
	}
	r.MaxSession, r.Created = time.Duration(seconds)*time.Second, fromMilli(created)
	return json.Unmarshal([]byte(tags), &r.Tags)
}

// ChangeRole stores the description, the longest session, the tags and the boundary of a role that the same transaction has
// read.
func (tx *Tx) ChangeRole(r *Role) error {
	tags, err := json.Marshal(r.Tags)
	if err != nil {
		return err
	}
	if err := tx.touch(r.Account); err != nil {
		return err
	}
	return tx.exec(updateRole, r.Account, nameKey(r.Name), r.Description, int64(r.MaxSession/time.Second), string(tags),
		r.Boundary)
}

// RoleCount tells how many roles an account has.
func (tx *Tx) RoleCount(account string) (n int64, err error) {
	err = tx.row(roleCount, []any{account}, &n)
	return n, err
}

// SetRoleTrust replaces a role's trust policy.
func (tx *Tx) SetRoleTrust(account, name, trust string) error {
	if err := tx.touch(account); err != nil {
		return err
	}
	return tx.exec(updateRoleTrust, account, nameKey(name), trust)
}

// DeleteRole removes a role. Its policies must be gone, inline and attached.
func (tx *Tx) DeleteRole(account, name string) error {
	if err := tx.touch(account); err != nil {
		return err
	}
	return tx.exec(deleteRole, account, nameKey(name))
}

// PutRolePolicy sets an inline policy of a role.
func (tx *Tx) PutRolePolicy(account, role, name, document string) error {
	if err := tx.touch(account); err != nil {
		return err
	}
	return tx.exec(putRolePolicy, account, nameKey(role), name, document)
}

// RolePolicy returns an inline policy's document, or ErrNotFound.
func (tx *Tx) RolePolicy(account, role, name string) (document string, err error) {
	err = tx.row(rolePolicyByName, []any{account, nameKey(role), name}, &document)
	return document, err
}

// RolePolicies returns a role's inline policies by name.
func (tx *Tx) RolePolicies(account, role string) (map[string]string, error) {
	policies := make(map[string]string)
	err := tx.rows(rolePolicies, []any{account, nameKey(role)}, func(scan func(...any) error) error {
		var name, document string
		err := scan(&name, &document)
		policies[name] = document
		return err
	})
	return policies, err
}

// DeleteRolePolicy removes an inline policy.
func (tx *Tx) DeleteRolePolicy(account, role, name string) error {
	if err := tx.touch(account); err != nil {
		return err
	}
	return tx.exec(deleteRolePolicy, account, nameKey(role), name)
}

// Session is what makes a session token of a role good or not today.
type Session struct {
	Account        string
	AccountVersion int64
	RolePath       string
	RoleName       string
	RoleEpoch      int64
	PoolEpoch      int64 // 0 for a session that no pool made
	IdentityEpoch  int64
}

// SessionOfRole returns the state of a session of a role by the role's unique id, or ErrNotFound if the role is gone.
func (tx *Tx) SessionOfRole(roleID string) (s Session, err error) {
	err = tx.row(sessionOfRole, []any{roleID}, &s.Account, &s.AccountVersion, &s.RolePath, &s.RoleName, &s.RoleEpoch)
	return s, err
}

// SessionOfIdentity is the same for a session that a pool made for an identity. It returns ErrNotFound if role, identity
// or pool is gone, or the identity disabled.
func (tx *Tx) SessionOfIdentity(roleID string, id identity.ID) (s Session, err error) {
	var disabled bool
	err = tx.row(sessionOfPool, []any{roleID, id[:]}, &s.Account, &s.AccountVersion, &s.RolePath, &s.RoleName,
		&s.RoleEpoch, &s.PoolEpoch, &s.IdentityEpoch, &disabled)
	if err == nil && disabled {
		err = ErrNotFound
	}
	return s, err
}
