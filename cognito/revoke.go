package cognito

import (
	"context"

	"idpool/store"
	"idpool/wire"
)

// RevokeSessionsInput is the input of RevokeSessions, which takes one of the three.
type RevokeSessionsInput struct {
	RoleName       string `api:"roleNameType" json:",omitempty"`
	IdentityId     string `api:"IdentityId" json:",omitempty"`
	IdentityPoolId string `api:"IdentityPoolId" json:",omitempty"`
}

const revokeSessions = "idpool:RevokeSessions"

// RevokeSessions ends the sessions of a role, of an identity or of all identities of a pool, and of the latter two what tokens
// of ours are good for. It is an operation of idpool's own. Whoever may sign in goes on to get new ones.
func (s *Service) RevokeSessions(ctx context.Context, c wire.Caller, in *RevokeSessionsInput) (*wire.Nothing, error) {
	switch {
	case in.RoleName != "" && in.IdentityId+in.IdentityPoolId == "":
		return nil, orNotFound(s.IAM.RevokeSessions(ctx, c, in.RoleName), noRole(in.RoleName))
	case in.IdentityId != "" && in.RoleName+in.IdentityPoolId == "":
		return nil, s.revokeIdentity(ctx, c, in.IdentityId)
	case in.IdentityPoolId != "" && in.RoleName+in.IdentityId == "":
		return nil, s.revokePool(ctx, c, in.IdentityPoolId)
	}
	if err := s.mayDo(ctx, c, revokeSessions, "*"); err != nil {
		return nil, err
	}
	return nil, invalidParameter("Give one of RoleName, IdentityId and IdentityPoolId.")
}

func noRole(name string) error { return notFound("Role '%s' not found.", name) }

func (s *Service) revokeIdentity(ctx context.Context, c wire.Caller, fullID string) error {
	if err := s.mayDoWithIdentity(ctx, c, revokeSessions, fullID); err != nil {
		return err
	}
	id, ok := localID(fullID, c.Region)
	if !ok {
		return noIdentity(fullID)
	}
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.IdentityOf(scope(c), id); err != nil {
			return err
		}
		return tx.RevokeIdentity(id)
	})
	return orNotFound(err, noIdentity(fullID))
}

func (s *Service) revokePool(ctx context.Context, c wire.Caller, fullID string) error {
	if err := s.mayDo(ctx, c, revokeSessions, fullID); err != nil {
		return err
	}
	id, ok := localID(fullID, c.Region)
	if !ok {
		return noPool(fullID)
	}
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		pool, err := tx.Pool(scope(c), id)
		if err != nil {
			return err
		}
		return tx.RevokePool(pool)
	})
	return orNotFound(err, noPool(fullID))
}
