package iam

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"idpool/policy"
	"idpool/store"
	"idpool/wire"
)

// MaxRoles is how many roles an account may have.
const MaxRoles = 1000

// RoleSummary is a role as lists show it.
type RoleSummary struct {
	Path                     string
	RoleName                 string
	RoleId                   string
	Arn                      string
	CreateDate               wire.Time
	AssumeRolePolicyDocument string // URL-encoded, RFC 3986
	Description              string `xml:",omitempty"`
	MaxSessionDuration       int64
}

// RoleDescription is a role as IAM shows it.
type RoleDescription struct {
	RoleSummary
	PermissionsBoundary *AttachedBoundary
	Tags                []Tag `xml:"Tags>member"`
}

func summarizeRole(r *store.Role) RoleSummary {
	return RoleSummary{
		Path: r.Path, RoleName: r.Name, RoleId: r.UniqueID, Arn: RoleARN(r), CreateDate: wire.Time{Time: r.Created},
		AssumeRolePolicyDocument: encodeDocument(r.Trust), Description: r.Description,
		MaxSessionDuration: int64(r.MaxSession / time.Second),
	}
}

func describeRole(r *store.Role) RoleDescription {
	d := RoleDescription{RoleSummary: summarizeRole(r), Tags: sortedTags(r.Tags)}
	if r.Boundary != "" {
		d.PermissionsBoundary = &AttachedBoundary{"Policy", r.Boundary}
	}
	return d
}

// encodeDocument writes a policy as IAM's replies hold it.
func encodeDocument(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

func noSuchRole(name string) string { return "The role with name " + name + " cannot be found." }

// maxTrust bounds a trust policy, in characters that are no white space: the most that IAM's quota can be raised to.
const maxTrust = 4096

func checkTrust(document string) error {
	if withoutSpace(document) > maxTrust {
		return limitExceeded("Cannot exceed quota for ACLSizePerRole: 4096")
	}
	trust, err := parsePolicy(policy.Trust, document)
	if err != nil {
		return err
	}
	// IAM refuses since 2025 what would let logins of any identity pool in (developer guide, "iam-roles").
	const pools = "cognito-identity.amazonaws.com"
	if places := trust.Unbound(pools, "sts:AssumeRoleWithWebIdentity", pools+":aud"); len(places) > 0 {
		return &wire.Error{Code: "MalformedPolicyDocument", Message: places[0] + ": a statement that lets logins of " + pools +
			" in must name their identity pool. Add a condition such as StringEquals on " + pools + ":aud, with whole ids: no wildcards, no variables."}
	}
	return nil
}

func withoutSpace(document string) int { return len(strings.Join(strings.Fields(document), "")) }

// CreateRoleInput is the input of CreateRole.
type CreateRoleInput struct {
	RoleName                 string `api:"roleNameType,required"`
	AssumeRolePolicyDocument string `api:"policyDocumentType,required"`
	Path                     string `api:"pathType"`
	Description              string `api:"roleDescriptionType"`
	MaxSessionDuration       int64  `api:"roleMaxSessionDurationType"`
	PermissionsBoundary      string `api:"arnType"`
	Tags                     []Tag  `api:"tagListType"`
}

// RoleOutput is the output of CreateRole and GetRole.
type RoleOutput struct {
	Role RoleDescription
}

// CreateRole makes a role.
func (s *Service) CreateRole(ctx context.Context, c wire.Caller, in *CreateRoleInput) (*RoleOutput, error) {
	named := &store.Role{Account: c.Account, Path: in.Path, Name: in.RoleName}
	if named.Path == "" {
		named.Path = "/"
	}
	if err := s.mayCreate(ctx, c, "Role", RoleARN(named), in.Tags, boundaryKey(in.PermissionsBoundary)...); err != nil {
		return nil, err
	}
	if err := checkTrust(in.AssumeRolePolicyDocument); err != nil {
		return nil, err
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	id, err := uniqueID(s.Rand, "AROA", 21)
	if err != nil {
		return nil, err
	}
	role := &store.Role{
		Account: c.Account, Name: in.RoleName, Path: named.Path, UniqueID: id, Trust: in.AssumeRolePolicyDocument,
		Description: in.Description, MaxSession: time.Duration(in.MaxSessionDuration) * time.Second, Tags: tags,
		Boundary: in.PermissionsBoundary,
	}
	if role.MaxSession == 0 {
		role.MaxSession = time.Hour
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		role.Created = tx.Now()
		n, err := tx.RoleCount(c.Account)
		if err != nil {
			return err
		}
		if n >= MaxRoles {
			return limitExceeded("Cannot exceed quota for RolesPerAccount: 1000")
		}
		if err := boundaryExists(tx, c.Account, role.Boundary); err != nil {
			return err
		}
		return tx.CreateRole(role)
	})
	if errors.Is(err, store.ErrExists) {
		return nil, alreadyExists("Role with name " + in.RoleName + " already exists.")
	}
	if err != nil {
		return nil, err
	}
	return &RoleOutput{Role: describeRole(role)}, nil
}

// RoleInput is the input of operations that take nothing but a role's name.
type RoleInput struct {
	RoleName string `api:"roleNameType,required"`
}

// GetRole describes a role.
func (s *Service) GetRole(ctx context.Context, c wire.Caller, in *RoleInput) (*RoleOutput, error) {
	if err := s.mayRole(ctx, c, "iam:GetRole", in.RoleName); err != nil {
		return nil, err
	}
	var role *store.Role
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		role, err = tx.Role(c.Account, in.RoleName)
		return err
	})
	if err != nil {
		return nil, orNotFound(err, noSuchRole(in.RoleName))
	}
	return &RoleOutput{Role: describeRole(role)}, nil
}

// DeleteRole removes a role that has no policy any more.
func (s *Service) DeleteRole(ctx context.Context, c wire.Caller, in *RoleInput) (*wire.Nothing, error) {
	if err := s.mayRole(ctx, c, "iam:DeleteRole", in.RoleName); err != nil {
		return nil, err
	}
	return nil, s.changeRole(ctx, c, in.RoleName, func(tx *store.Tx, role *store.Role) error {
		if err := stillAttached(tx, role.UniqueID); err != nil {
			return err
		}
		policies, err := tx.RolePolicies(c.Account, in.RoleName)
		if err != nil {
			return err
		}
		if len(policies) > 0 {
			return deleteConflict("Cannot delete entity, must delete policies first.")
		}
		return tx.DeleteRole(c.Account, in.RoleName)
	})
}

// changeRole runs a change of a role that must exist.
func (s *Service) changeRole(ctx context.Context, c wire.Caller, name string, change func(*store.Tx, *store.Role) error) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		role, err := tx.Role(c.Account, name)
		if err != nil {
			return orNotFound(err, noSuchRole(name))
		}
		return change(tx, role)
	})
}

// viewRole shows a role that must exist to a function that only reads.
func (s *Service) viewRole(ctx context.Context, c wire.Caller, name string, f func(*store.Tx, *store.Role) error) error {
	return s.DB.View(ctx, func(tx *store.Tx) error {
		role, err := tx.Role(c.Account, name)
		if err != nil {
			return orNotFound(err, noSuchRole(name))
		}
		return f(tx, role)
	})
}

// UpdateAssumeRolePolicyInput is the input of UpdateAssumeRolePolicy.
type UpdateAssumeRolePolicyInput struct {
	RoleName       string `api:"roleNameType,required"`
	PolicyDocument string `api:"policyDocumentType,required"`
}

// UpdateAssumeRolePolicy replaces a role's trust policy.
func (s *Service) UpdateAssumeRolePolicy(ctx context.Context, c wire.Caller, in *UpdateAssumeRolePolicyInput) (*wire.Nothing, error) {
	if err := s.mayRole(ctx, c, "iam:UpdateAssumeRolePolicy", in.RoleName); err != nil {
		return nil, err
	}
	if err := checkTrust(in.PolicyDocument); err != nil {
		return nil, err
	}
	return nil, s.changeRole(ctx, c, in.RoleName, func(tx *store.Tx, _ *store.Role) error {
		return tx.SetRoleTrust(c.Account, in.RoleName, in.PolicyDocument)
	})
}

// RolePolicyInput names an inline policy of a role.
type RolePolicyInput struct {
	RoleName   string `api:"roleNameType,required"`
	PolicyName string `api:"policyNameType,required"`
}

// PutRolePolicyInput is the input of PutRolePolicy.
type PutRolePolicyInput struct {
	RoleName       string `api:"roleNameType,required"`
	PolicyName     string `api:"policyNameType,required"`
	PolicyDocument string `api:"policyDocumentType,required"`
}

// PutRolePolicy sets an inline policy.
func (s *Service) PutRolePolicy(ctx context.Context, c wire.Caller, in *PutRolePolicyInput) (*wire.Nothing, error) {
	if err := s.mayRole(ctx, c, "iam:PutRolePolicy", in.RoleName); err != nil {
		return nil, err
	}
	if _, err := parsePolicy(policy.Identity, in.PolicyDocument); err != nil {
		return nil, err
	}
	return nil, s.changeRole(ctx, c, in.RoleName, func(tx *store.Tx, _ *store.Role) error {
		policies, err := tx.RolePolicies(c.Account, in.RoleName)
		if err != nil {
			return err
		}
		policies[in.PolicyName] = in.PolicyDocument
		if inlineSize(policies) > maxInlinePolicies {
			return limitExceeded("Maximum policy size of 10240 bytes exceeded for role " + in.RoleName)
		}
		return tx.PutRolePolicy(c.Account, in.RoleName, in.PolicyName, in.PolicyDocument)
	})
}

// maxInlinePolicies bounds the inline policies of a role together, in characters that are no white space.
const maxInlinePolicies = 10_240

func inlineSize(policies map[string]string) int {
	n := 0
	for _, document := range policies {
		n += withoutSpace(document)
	}
	return n
}

// RolePolicyOutput is the output of GetRolePolicy.
type RolePolicyOutput struct {
	RoleName       string
	PolicyName     string
	PolicyDocument string // URL-encoded, RFC 3986
}

func noSuchRolePolicy(name string) string {
	return "The role policy with name " + name + " cannot be found."
}

// GetRolePolicy shows an inline policy.
func (s *Service) GetRolePolicy(ctx context.Context, c wire.Caller, in *RolePolicyInput) (*RolePolicyOutput, error) {
	if err := s.mayRole(ctx, c, "iam:GetRolePolicy", in.RoleName); err != nil {
		return nil, err
	}
	out := &RolePolicyOutput{PolicyName: in.PolicyName}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		role, err := tx.Role(c.Account, in.RoleName)
		if err != nil {
			return orNotFound(err, noSuchRole(in.RoleName))
		}
		document, err := tx.RolePolicy(c.Account, role.Name, in.PolicyName)
		out.RoleName, out.PolicyDocument = role.Name, encodeDocument(document)
		return orNotFound(err, noSuchRolePolicy(in.PolicyName))
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteRolePolicy removes an inline policy.
func (s *Service) DeleteRolePolicy(ctx context.Context, c wire.Caller, in *RolePolicyInput) (*wire.Nothing, error) {
	if err := s.mayRole(ctx, c, "iam:DeleteRolePolicy", in.RoleName); err != nil {
		return nil, err
	}
	return nil, s.changeRole(ctx, c, in.RoleName, func(tx *store.Tx, _ *store.Role) error {
		if _, err := tx.RolePolicy(c.Account, in.RoleName, in.PolicyName); err != nil {
			return orNotFound(err, noSuchRolePolicy(in.PolicyName))
		}
		return tx.DeleteRolePolicy(c.Account, in.RoleName, in.PolicyName)
	})
}
