package iam

import (
	"context"
	"time"

	"idpool/policy"
	"idpool/store"
	"idpool/wire"
)

const explainAccess = "idpool:ExplainAccess"

// Explain says whether a caller may do an action on a resource, and why: of a caller who need not be there, such as those of
// SessionOf and UserOf. The condition keys that are given count before those that every request has. The root of an account
// is asked about as if it were a user, without policies.
func (s *Service) Explain(ctx context.Context, c wire.Caller, action, resource string, given policy.Context) (*policy.Explanation, error) {
	set, request, err := s.question(ctx, c, action, resource, nil)
	if err != nil {
		return nil, err
	}
	request.Context = append(given[:len(given):len(given)], request.Context...)
	explained := set.Explain(request)
	return &explained, nil
}

// SessionOf is whom a session of a role of c's account would be for, with nothing that a login brings along. C has to be
// allowed to ask. It returns store.ErrNotFound.
func (s *Service) SessionOf(ctx context.Context, c wire.Caller, role string) (wire.Caller, error) {
	if err := s.mayRole(ctx, c, explainAccess, role); err != nil {
		return wire.Caller{}, err
	}
	var found *store.Role
	version, err := s.find(ctx, c.Account, func(tx *store.Tx) (err error) {
		found, err = tx.Role(c.Account, role)
		return err
	})
	if err != nil {
		return wire.Caller{}, err
	}
	const name = "explained"
	issued := policy.Pair{Key: "aws:TokenIssueTime", Values: []string{s.Now().UTC().Format(time.RFC3339)}}
	return wire.Caller{
		Account: c.Account, Region: c.Region, ARN: "arn:aws:sts::" + c.Account + ":assumed-role/" + found.Name + "/" + name,
		UserID: found.UniqueID + ":" + name, AccountVersion: version,
		Session: &Session{RoleID: found.UniqueID, RoleARN: RoleARN(found), Context: policy.Context{issued}},
	}, nil
}

// UserOf is a user of c's account as the caller of a request. C has to be allowed to ask. It returns store.ErrNotFound.
func (s *Service) UserOf(ctx context.Context, c wire.Caller, name string) (wire.Caller, error) {
	if err := s.mayUser(ctx, c, explainAccess, name); err != nil {
		return wire.Caller{}, err
	}
	var found *store.User
	version, err := s.find(ctx, c.Account, func(tx *store.Tx) (err error) {
		found, err = tx.User(c.Account, name)
		return err
	})
	if err != nil {
		return wire.Caller{}, err
	}
	return wire.Caller{
		Account: c.Account, Region: c.Region, ARN: found.ARN(), UserID: found.UniqueID, User: found.Name, AccountVersion: version,
	}, nil
}

// find reads something of an account, and the account's version of the same moment.
func (s *Service) find(ctx context.Context, account string, read func(*store.Tx) error) (version int64, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if version, err = tx.AccountVersion(account); err != nil {
			return err
		}
		return read(tx)
	})
	return version, err
}
