package iam

import (
	"context"

	"idpool/store"
	"idpool/wire"
)

// RevokeSessions ends the sessions of a role of the caller's account, by whatever flow they were made. It returns a *Denied,
// and store.ErrNotFound for a role that the account does not have.
func (s *Service) RevokeSessions(ctx context.Context, c wire.Caller, role string) error {
	if err := s.mayRole(ctx, c, "idpool:RevokeSessions", role); err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Role(c.Account, role); err != nil {
			return err
		}
		return tx.RevokeRole(c.Account, role)
	})
}
