package cognito

import (
	"context"
	"slices"

	"idpool/identity"
	"idpool/store"
	"idpool/wire"
)

// UnlinkIdentityInput is the input of UnlinkIdentity.
type UnlinkIdentityInput struct {
	IdentityId     string            `api:"IdentityId,required"`
	Logins         map[string]string `api:"LoginsMap,required"`
	LoginsToRemove []string          `api:"LoginsList,required"`
}

// UnlinkIdentity takes logins from an identity, for a caller who shows one of its logins: those are new users from then on.
// An identity that has lost its last login is closed for good.
func (s *Service) UnlinkIdentity(ctx context.Context, in *UnlinkIdentityInput) (*wire.Nothing, error) {
	v, err := s.findIdentity(ctx, in.IdentityId)
	if err != nil {
		return nil, err
	}
	if err := s.verify(ctx, v, in.Logins); err != nil {
		return nil, err
	}
	if err := v.mayUnlink(v.named, in.LoginsToRemove); err != nil {
		return nil, err
	}
	return nil, s.DB.Update(ctx, func(tx *store.Tx) error {
		named, err := tx.Identity(v.ref.Key, v.named.ID)
		if err != nil {
			return orNotFound(err, noIdentity(v.asked))
		}
		if err := v.mayUnlink(named, in.LoginsToRemove); err != nil {
			return err
		}
		if err := v.bindAssertions(tx, named.ID); err != nil {
			return err
		}
		return unlink(tx, named, identity.Unlink(named, func(l identity.Login) bool { return removes(in.LoginsToRemove, l) }))
	})
}

// mayUnlink checks that the caller showed a login of the identity, and that it has what is to be removed. The original's
// texts are not known, but for the first two.
func (v *visit) mayUnlink(named *identity.Identity, names []string) error {
	switch {
	case named.Disabled || len(named.Logins) == 0:
		return refusal(identity.Forbidden, v.asked)
	case !v.shows(named), !v.holds(named):
		return refusal(identity.NoLoginMatches, v.asked)
	case len(names) == 0:
		return invalidParameter("LoginsToRemove names no provider.")
	}
	for _, name := range names {
		if v.pool.Developer != "" && providerName(name) == v.pool.Developer {
			return invalidParameter("Please provide a valid public provider.")
		}
		if !slices.ContainsFunc(named.Logins, func(l identity.Login) bool { return l.Provider == providerName(name) }) {
			return invalidParameter("The identity has no login of the provider %s.", name)
		}
	}
	return nil
}

func removes(names []string, l identity.Login) bool {
	return slices.ContainsFunc(names, func(name string) bool { return providerName(name) == l.Provider })
}

// unlink carries an unlinking out.
func unlink(tx *store.Tx, i *identity.Identity, u identity.Unlinking) error {
	if err := tx.Unlink(i.Pool, u.Logins...); err != nil {
		return err
	}
	if u.Disable {
		return tx.Disable(i.ID)
	}
	return tx.Touch(i.ID)
}
