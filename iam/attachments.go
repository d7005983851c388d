package iam

import (
	"context"
	"errors"
	"slices"
	"strings"

	"idpool/store"
	"idpool/wire"
)

// MaxAttachedPolicies is how many managed policies a role or a user may have.
const MaxAttachedPolicies = 10

// entity is a role or a user by its name, as the operations on its managed policies see it.
type entity struct {
	kind  store.PrincipalKind
	name  string
	quota string // the name of the quota on its policies
}

func roleEntity(name string) entity { return entity{store.RoleKind, name, "PoliciesPerRole"} }

func userEntity(name string) entity { return entity{store.UserKind, name, "PoliciesPerUser"} }

// id is the unique id of an entity that must exist.
func (e entity) id(tx *store.Tx, account string) (string, error) {
	if e.kind == store.UserKind {
		user, err := tx.User(account, e.name)
		if err != nil {
			return "", orNotFound(err, noSuchUser(e.name))
		}
		return user.UniqueID, nil
	}
	role, err := tx.Role(account, e.name)
	if err != nil {
		return "", orNotFound(err, noSuchRole(e.name))
	}
	return role.UniqueID, nil
}

// attach gives an entity a managed policy. To give it again is no error.
func (s *Service) attach(ctx context.Context, c wire.Caller, e entity, arn string) error {
	if err := checkPolicyARN(arn); err != nil {
		return err
	}
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		id, err := e.id(tx, c.Account)
		if err != nil {
			return err
		}
		if _, err := readPolicy(tx, c.Account, arn); err != nil {
			return orNotFound(err, notAttachable(arn))
		}
		has, err := tx.AttachedPolicies(id)
		switch {
		case err != nil:
			return err
		case slices.Contains(has, arn):
			return nil
		case len(has) >= MaxAttachedPolicies:
			return limitExceeded("Cannot exceed quota for " + e.quota + ": 10")
		}
		return tx.AttachPolicy(c.Account, e.kind, id, arn)
	})
	if errors.Is(err, store.ErrExists) { // someone else was quicker
		return nil
	}
	return err
}

// detach takes a managed policy from an entity.
func (s *Service) detach(ctx context.Context, c wire.Caller, e entity, arn string) error {
	if err := checkPolicyARN(arn); err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		id, err := e.id(tx, c.Account)
		if err != nil {
			return err
		}
		has, err := tx.AttachedPolicies(id)
		if err != nil {
			return err
		}
		if !slices.Contains(has, arn) {
			return noSuchEntity(noSuchPolicy(arn))
		}
		return tx.DetachPolicy(c.Account, id, arn)
	})
}

// AttachedPolicy is one line of a list of attached policies.
type AttachedPolicy struct {
	PolicyName string
	PolicyArn  string
}

// AttachedPoliciesOutput is the output of ListAttachedRolePolicies and ListAttachedUserPolicies.
type AttachedPoliciesOutput struct {
	AttachedPolicies []AttachedPolicy `xml:"AttachedPolicies>member"`
	Paged
}

// path is that of the policy.
func (a *AttachedPolicy) path() string {
	_, path, _ := strings.Cut(a.PolicyArn, ":policy/")
	return "/" + path[:strings.LastIndexByte(path, '/')+1]
}

// key is what attached policies are listed by: one of the account and one that is built in may share a name.
func (a AttachedPolicy) key() string {
	if findAWSPolicy(a.PolicyArn) != nil {
		return strings.ToLower(a.PolicyName) + "/aws"
	}
	return strings.ToLower(a.PolicyName) + "/local"
}

// attached lists the managed policies of an entity by name.
func (s *Service) attached(ctx context.Context, c wire.Caller, e entity, page pager, pathPrefix string) (*AttachedPoliciesOutput, error) {
	var arns []string
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		id, err := e.id(tx, c.Account)
		if err != nil {
			return err
		}
		arns, err = tx.AttachedPolicies(id)
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []AttachedPolicy
	for _, arn := range arns {
		a := AttachedPolicy{PolicyName: arn[strings.LastIndexByte(arn, '/')+1:], PolicyArn: arn}
		if strings.HasPrefix(a.path(), pathPrefix) {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b AttachedPolicy) int { return strings.Compare(a.key(), b.key()) })
	out := &AttachedPoliciesOutput{}
	out.AttachedPolicies, out.Paged = cutPage(page, all, AttachedPolicy.key)
	return out, nil
}

// AttachRolePolicyInput is the input of AttachRolePolicy and DetachRolePolicy.
type AttachRolePolicyInput struct {
	RoleName  string `api:"roleNameType,required"`
	PolicyArn string `api:"arnType,required"`
}

// AttachRolePolicy gives a role a managed policy.
func (s *Service) AttachRolePolicy(ctx context.Context, c wire.Caller, in *AttachRolePolicyInput) (*wire.Nothing, error) {
	if err := s.mayRole(ctx, c, "iam:AttachRolePolicy", in.RoleName, attachedKey(in.PolicyArn)); err != nil {
		return nil, err
	}
	return nil, s.attach(ctx, c, roleEntity(in.RoleName), in.PolicyArn)
}

// DetachRolePolicy takes a managed policy from a role.
func (s *Service) DetachRolePolicy(ctx context.Context, c wire.Caller, in *AttachRolePolicyInput) (*wire.Nothing, error) {
	if err := s.mayRole(ctx, c, "iam:DetachRolePolicy", in.RoleName, attachedKey(in.PolicyArn)); err != nil {
		return nil, err
	}
	return nil, s.detach(ctx, c, roleEntity(in.RoleName), in.PolicyArn)
}

// ListAttachedRolePoliciesInput is the input of ListAttachedRolePolicies.
type ListAttachedRolePoliciesInput struct {
	RoleName   string `api:"roleNameType,required"`
	PathPrefix string `api:"policyPathType"` // of the policies
	Marker     string `api:"markerType"`
	MaxItems   int    `api:"maxItemsType"`
}

// ListAttachedRolePolicies lists the managed policies of a role.
func (s *Service) ListAttachedRolePolicies(ctx context.Context, c wire.Caller, in *ListAttachedRolePoliciesInput) (*AttachedPoliciesOutput, error) {
	if err := s.mayRole(ctx, c, "iam:ListAttachedRolePolicies", in.RoleName); err != nil {
		return nil, err
	}
	page, err := openPage(in.Marker, in.MaxItems, "ListAttachedRolePolicies", c.Account, strings.ToLower(in.RoleName), in.PathPrefix)
	if err != nil {
		return nil, err
	}
	return s.attached(ctx, c, roleEntity(in.RoleName), page, in.PathPrefix)
}

// AttachUserPolicyInput is the input of AttachUserPolicy and DetachUserPolicy.
type AttachUserPolicyInput struct {
	UserName  string `api:"userNameType,required"`
	PolicyArn string `api:"arnType,required"`
}

// AttachUserPolicy gives a user a managed policy.
func (s *Service) AttachUserPolicy(ctx context.Context, c wire.Caller, in *AttachUserPolicyInput) (*wire.Nothing, error) {
	if err := s.mayUser(ctx, c, "iam:AttachUserPolicy", in.UserName, attachedKey(in.PolicyArn)); err != nil {
		return nil, err
	}
	return nil, s.attach(ctx, c, userEntity(in.UserName), in.PolicyArn)
}

// DetachUserPolicy takes a managed policy from a user.
func (s *Service) DetachUserPolicy(ctx context.Context, c wire.Caller, in *AttachUserPolicyInput) (*wire.Nothing, error) {
	if err := s.mayUser(ctx, c, "iam:DetachUserPolicy", in.UserName, attachedKey(in.PolicyArn)); err != nil {
		return nil, err
	}
	return nil, s.detach(ctx, c, userEntity(in.UserName), in.PolicyArn)
}

// ListAttachedUserPoliciesInput is the input of ListAttachedUserPolicies.
type ListAttachedUserPoliciesInput struct {
	UserName   string `api:"userNameType,required"`
	PathPrefix string `api:"policyPathType"` // of the policies
	Marker     string `api:"markerType"`
	MaxItems   int    `api:"maxItemsType"`
}

// ListAttachedUserPolicies lists the managed policies of a user.
func (s *Service) ListAttachedUserPolicies(ctx context.Context, c wire.Caller, in *ListAttachedUserPoliciesInput) (*AttachedPoliciesOutput, error) {
	if err := s.mayUser(ctx, c, "iam:ListAttachedUserPolicies", in.UserName); err != nil {
		return nil, err
	}
	page, err := openPage(in.Marker, in.MaxItems, "ListAttachedUserPolicies", c.Account, strings.ToLower(in.UserName), in.PathPrefix)
	if err != nil {
		return nil, err
	}
	return s.attached(ctx, c, userEntity(in.UserName), page, in.PathPrefix)
}

// stillAttached refuses the deletion of a role or a user, by its unique id, that has managed policies.
func stillAttached(tx *store.Tx, id string) error {
	has, err := tx.AttachedPolicies(id)
	if err != nil {
		return err
	}
	if len(has) > 0 {
		return deleteConflict("Cannot delete entity, must detach all policies first.")
	}
	return nil
}
