package store

import "idpool/identity"

var (
	revokeRole     = statement(`UPDATE roles SET epoch = epoch + 1 WHERE account = $1 AND name_key = $2`)
	revokePool     = statement(`UPDATE pools SET epoch = epoch + 1, version = $2 WHERE key = $1`)
	revokeIdentity = statement(`UPDATE identities SET epoch = epoch + 1 WHERE id = $1`)
)

// RevokeRole ends the sessions of a role that the same transaction has read, however they were made.
func (tx *Tx) RevokeRole(account, name string) error {
	if err := tx.touch(account); err != nil { // roles are cached with their epochs
		return err
	}
	return tx.exec(revokeRole, account, nameKey(name))
}

// RevokePool ends the sessions of every identity of a pool that the same transaction has read, and what tokens of ours for
// them are good for.
func (tx *Tx) RevokePool(p *identity.Pool) error {
	p.Version, p.Epoch = newVersion(), p.Epoch+1
	return tx.exec(revokePool, p.Key, p.Version)
}

// RevokeIdentity is the same for one identity. No cache holds an identity.
func (tx *Tx) RevokeIdentity(id identity.ID) error { return tx.exec(revokeIdentity, id[:]) }
