package iam

import (
	"context"

	"idpool/store"
	"idpool/wire"
)

// boundaryExists refuses the ARN of a boundary that is no managed policy of the account, nor one that is built in. An empty
// one is no boundary.
func boundaryExists(tx *store.Tx, account, arn string) error {
	if arn == "" {
		return nil
	}
	if err := checkPolicyARN(arn); err != nil {
		return err
	}
	_, err := readPolicy(tx, account, arn)
	return orNotFound(err, "Scope ARN: "+arn+" does not exist or is not attachable.")
}

// PutRolePermissionsBoundaryInput is the input of PutRolePermissionsBoundary.
type PutRolePermissionsBoundaryInput struct {
	RoleName            string `api:"roleNameType,required"`
	PermissionsBoundary string `api:"arnType,required"`
}

// PutRolePermissionsBoundary sets the managed policy that bounds what a role's other policies can allow.
func (s *Service) PutRolePermissionsBoundary(ctx context.Context, c wire.Caller, in *PutRolePermissionsBoundaryInput) (*wire.Nothing, error) {
	if err := s.mayRole(ctx, c, "iam:PutRolePermissionsBoundary", in.RoleName, boundaryKey(in.PermissionsBoundary)...); err != nil {
		return nil, err
	}
	return nil, s.changeRole(ctx, c, in.RoleName, func(tx *store.Tx, role *store.Role) error {
		if err := boundaryExists(tx, c.Account, in.PermissionsBoundary); err != nil {
			return err
		}
		role.Boundary = in.PermissionsBoundary
		return tx.ChangeRole(role)
	})
}

// DeleteRolePermissionsBoundary takes a role's boundary away. One that has none stays as it is.
func (s *Service) DeleteRolePermissionsBoundary(ctx context.Context, c wire.Caller, in *RoleInput) (*wire.Nothing, error) {
	if err := s.mayRole(ctx, c, "iam:DeleteRolePermissionsBoundary", in.RoleName); err != nil {
		return nil, err
	}
	return nil, s.changeRole(ctx, c, in.RoleName, func(tx *store.Tx, role *store.Role) error {
		role.Boundary = ""
		return tx.ChangeRole(role)
	})
}
