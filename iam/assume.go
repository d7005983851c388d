package iam

import (
	"context"
	"errors"

	"idpool/policy"
	"idpool/store"
	"idpool/wire"
)

// MayAssume says whether a caller may do an action on a role of any account: sts:AssumeRole, or what goes along with it. The
// role's trust policy has to allow it, and the caller's own policies unless the trust policy names the caller; of a role of
// another account both. It returns nil or a *Denied, which doesn't say to the client whose policy is missing: the role may be
// somebody else's. The root is nobody whom this could be asked of.
func (s *Service) MayAssume(ctx context.Context, c wire.Caller, role *Role, action string, keys ...policy.Pair) error {
	arn := RoleARN(&role.Role)
	keys = append(keys, TagKeys("aws:ResourceTag/", role.Tags)...)
	keys = append(keys, TagKeys("iam:ResourceTag/", role.Tags)...)
	set, request, err := s.question(ctx, c, action, arn, keys)
	if errors.Is(err, ErrNoPrincipal) { // whom the trust policy may still name
		return &Denied{Caller: c.ARN, Action: action, Resource: arn, Why: "the caller is gone since its key was found"}
	}
	if err != nil {
		return err
	}
	set.Resource = &policy.Named{Name: "the trust policy", Policy: role.Trust}
	set.CrossAccount = role.Account != c.Account
	if set.Evaluate(request).Effect == policy.Allow {
		return nil
	}
	return &Denied{Caller: c.ARN, Action: action, Resource: arn, Why: why(set, request)}
}

// notOfUser tells whether credentials are anything but temporary ones of a user or a root: those may not call IAM (STS
// reference, "GetSessionToken").
func notOfUser(c wire.Caller) bool {
	session, temporary := c.Session.(*Session)
	return !temporary || session.ofRole()
}

// AccountOf returns the account of a long-lived access key, active or not. It returns store.ErrNotFound.
func (s *Service) AccountOf(ctx context.Context, keyID string) (account string, err error) {
	for _, k := range s.Static {
		if k.ID == keyID {
			return k.Account, nil
		}
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		signer, err := tx.Signer(keyID)
		if err == nil {
			account = signer.Account
		}
		return err
	})
	return account, err
}
