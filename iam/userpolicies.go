package iam

import (
	"context"
	"maps"
	"slices"
	"strings"

	"idpool/policy"
	"idpool/store"
	"idpool/wire"
)

// maxUserPolicies bounds the inline policies of a user together, in characters that are no white space.
const maxUserPolicies = 2048

func noSuchUserPolicy(name string) string {
	return "The user policy with name " + name + " cannot be found."
}

// UserPolicyInput names an inline policy of a user.
type UserPolicyInput struct {
	UserName   string `api:"existingUserNameType,required"`
	PolicyName string `api:"policyNameType,required"`
}

// PutUserPolicyInput is the input of PutUserPolicy.
type PutUserPolicyInput struct {
	UserName       string `api:"existingUserNameType,required"`
	PolicyName     string `api:"policyNameType,required"`
	PolicyDocument string `api:"policyDocumentType,required"`
}

// PutUserPolicy sets an inline policy.
func (s *Service) PutUserPolicy(ctx context.Context, c wire.Caller, in *PutUserPolicyInput) (*wire.Nothing, error) {
	if err := s.mayUser(ctx, c, "iam:PutUserPolicy", in.UserName); err != nil {
		return nil, err
	}
	if _, err := parsePolicy(policy.Identity, in.PolicyDocument); err != nil {
		return nil, err
	}
	return nil, s.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := tx.User(c.Account, in.UserName)
		if err != nil {
			return orNotFound(err, noSuchUser(in.UserName))
		}
		policies, err := tx.UserPolicies(u.UniqueID)
		if err != nil {
			return err
		}
		policies[in.PolicyName] = in.PolicyDocument
		if inlineSize(policies) > maxUserPolicies {
			return limitExceeded("Maximum policy size of 2048 bytes exceeded for user " + u.Name)
		}
		return tx.PutUserPolicy(u, in.PolicyName, in.PolicyDocument)
	})
}

// UserPolicyOutput is the output of GetUserPolicy.
type UserPolicyOutput struct {
	UserName       string
	PolicyName     string
	PolicyDocument string // URL-encoded, RFC 3986
}

// GetUserPolicy shows an inline policy.
func (s *Service) GetUserPolicy(ctx context.Context, c wire.Caller, in *UserPolicyInput) (*UserPolicyOutput, error) {
	if err := s.mayUser(ctx, c, "iam:GetUserPolicy", in.UserName); err != nil {
		return nil, err
	}
	out := &UserPolicyOutput{PolicyName: in.PolicyName}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		u, err := tx.User(c.Account, in.UserName)
		if err != nil {
			return orNotFound(err, noSuchUser(in.UserName))
		}
		document, err := tx.UserPolicy(u.UniqueID, in.PolicyName)
		out.UserName, out.PolicyDocument = u.Name, encodeDocument(document)
		return orNotFound(err, noSuchUserPolicy(in.PolicyName))
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteUserPolicy removes an inline policy.
func (s *Service) DeleteUserPolicy(ctx context.Context, c wire.Caller, in *UserPolicyInput) (*wire.Nothing, error) {
	if err := s.mayUser(ctx, c, "iam:DeleteUserPolicy", in.UserName); err != nil {
		return nil, err
	}
	return nil, s.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := tx.User(c.Account, in.UserName)
		if err != nil {
			return orNotFound(err, noSuchUser(in.UserName))
		}
		if _, err := tx.UserPolicy(u.UniqueID, in.PolicyName); err != nil {
			return orNotFound(err, noSuchUserPolicy(in.PolicyName))
		}
		return tx.DeleteUserPolicy(u, in.PolicyName)
	})
}

// ListUserPoliciesOutput is the output of ListUserPolicies.
type ListUserPoliciesOutput struct {
	PolicyNames []string `xml:"PolicyNames>member"`
	Paged
}

// ListUserPolicies lists the names of a user's inline policies. All are read: together they are short.
func (s *Service) ListUserPolicies(ctx context.Context, c wire.Caller, in *UserPageInput) (*ListUserPoliciesOutput, error) {
	if err := s.mayUser(ctx, c, "iam:ListUserPolicies", in.UserName); err != nil {
		return nil, err
	}
	var u *store.User
	var policies map[string]string
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if u, err = tx.User(c.Account, in.UserName); err != nil {
			return orNotFound(err, noSuchUser(in.UserName))
		}
		policies, err = tx.UserPolicies(u.UniqueID)
		return err
	})
	if err != nil {
		return nil, err
	}
	p, err := openPage(in.Marker, in.MaxItems, "ListUserPolicies", u.UniqueID)
	if err != nil {
		return nil, err
	}
	out := &ListUserPoliciesOutput{}
	out.PolicyNames, out.Paged = cutPage(p, slices.Sorted(maps.Keys(policies)), strings.Clone)
	return out, nil
}
