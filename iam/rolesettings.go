package iam

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"idpool/store"
	"idpool/wire"
)

// ListRolesInput is the input of ListRoles.
type ListRolesInput struct {
	PathPrefix string `api:"pathPrefixType"`
	Marker     string `api:"markerType"`
	MaxItems   int    `api:"maxItemsType"`
}

// ListRolesOutput is the output of ListRoles.
type ListRolesOutput struct {
	Roles []RoleSummary `xml:"Roles>member"`
	Paged
}

// ListRoles lists the roles whose paths begin with a prefix, by name, without boundaries and tags.
func (s *Service) ListRoles(ctx context.Context, c wire.Caller, in *ListRolesInput) (*ListRolesOutput, error) {
	prefix := in.PathPrefix
	if prefix == "" {
		prefix = "/"
	}
	if err := s.Authorize(ctx, c, "iam:ListRoles", "arn:aws:iam::"+c.Account+":role"+prefix); err != nil {
		return nil, err
	}
	page, err := openPage(in.Marker, in.MaxItems, "ListRoles", c.Account, prefix)
	if err != nil {
		return nil, err
	}
	var roles []store.Role
	err = s.DB.ViewStale(ctx, func(tx *store.Tx) (err error) {
		roles, err = tx.Roles(c.Account, prefix, page.after, page.read())
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &ListRolesOutput{}
	roles, out.Paged = cutPage(page, roles, func(r store.Role) string { return r.Key() })
	for i := range roles {
		out.Roles = append(out.Roles, summarizeRole(&roles[i]))
	}
	return out, nil
}

// UpdateRoleInput is the input of UpdateRole. What is absent stays as it is; an empty description is one.
type UpdateRoleInput struct {
	RoleName           string  `api:"roleNameType,required"`
	Description        *string `api:"roleDescriptionType"`
	MaxSessionDuration int64   `api:"roleMaxSessionDurationType"`
}

// UpdateRoleOutput is empty, but SDKs want to see it.
type UpdateRoleOutput struct{}

// UpdateRole changes a role's description and its longest session.
func (s *Service) UpdateRole(ctx context.Context, c wire.Caller, in *UpdateRoleInput) (*UpdateRoleOutput, error) {
	if err := s.mayRole(ctx, c, "iam:UpdateRole", in.RoleName); err != nil {
		return nil, err
	}
	err := s.changeRole(ctx, c, in.RoleName, func(tx *store.Tx, role *store.Role) error {
		if in.Description != nil {
			role.Description = *in.Description
		}
		if in.MaxSessionDuration != 0 {
			role.MaxSession = time.Duration(in.MaxSessionDuration) * time.Second
		}
		return tx.ChangeRole(role)
	})
	if err != nil {
		return nil, err
	}
	return &UpdateRoleOutput{}, nil
}

// UpdateRoleDescriptionInput is the input of UpdateRoleDescription.
type UpdateRoleDescriptionInput struct {
	RoleName    string `api:"roleNameType,required"`
	Description string `api:"roleDescriptionType,required"`
}

// UpdateRoleDescription changes a role's description.
func (s *Service) UpdateRoleDescription(ctx context.Context, c wire.Caller, in *UpdateRoleDescriptionInput) (*RoleOutput, error) {
	if err := s.mayRole(ctx, c, "iam:UpdateRoleDescription", in.RoleName); err != nil {
		return nil, err
	}
	out := &RoleOutput{}
	err := s.changeRole(ctx, c, in.RoleName, func(tx *store.Tx, role *store.Role) error {
		role.Description = in.Description
		out.Role = describeRole(role)
		return tx.ChangeRole(role)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// TagRoleInput is the input of TagRole.
type TagRoleInput struct {
	RoleName string `api:"roleNameType,required"`
	Tags     []Tag  `api:"tagListType,required"`
}

// TagRole adds tags to a role.
func (s *Service) TagRole(ctx context.Context, c wire.Caller, in *TagRoleInput) (*wire.Nothing, error) {
	if err := s.mayRole(ctx, c, "iam:TagRole", in.RoleName, tagMapKeys(in.Tags)...); err != nil {
		return nil, err
	}
	return nil, s.changeRole(ctx, c, in.RoleName, func(tx *store.Tx, role *store.Role) error {
		if err := addTags(role.Tags, in.Tags); err != nil {
			return err
		}
		return tx.ChangeRole(role)
	})
}

// UntagRoleInput is the input of UntagRole.
type UntagRoleInput struct {
	RoleName string   `api:"roleNameType,required"`
	TagKeys  []string `api:"tagKeyListType,required"`
}

// UntagRole removes tags; keys that no tag has are no error.
func (s *Service) UntagRole(ctx context.Context, c wire.Caller, in *UntagRoleInput) (*wire.Nothing, error) {
	if err := s.mayRole(ctx, c, "iam:UntagRole", in.RoleName, untagKey(in.TagKeys)); err != nil {
		return nil, err
	}
	return nil, s.changeRole(ctx, c, in.RoleName, func(tx *store.Tx, role *store.Role) error {
		for _, key := range in.TagKeys {
			removeTag(role.Tags, key)
		}
		return tx.ChangeRole(role)
	})
}

// RolePageInput is the input of operations that list something of a role.
type RolePageInput struct {
	RoleName string `api:"roleNameType,required"`
	Marker   string `api:"markerType"`
	MaxItems int    `api:"maxItemsType"`
}

func (in *RolePageInput) open(c wire.Caller, operation string) (pager, error) {
	return openPage(in.Marker, in.MaxItems, operation, c.Account, strings.ToLower(in.RoleName))
}

// ListRoleTags lists a role's tags by key.
func (s *Service) ListRoleTags(ctx context.Context, c wire.Caller, in *RolePageInput) (*TagPage, error) {
	if err := s.mayRole(ctx, c, "iam:ListRoleTags", in.RoleName); err != nil {
		return nil, err
	}
	page, err := in.open(c, "ListRoleTags")
	if err != nil {
		return nil, err
	}
	var out *TagPage
	err = s.viewRole(ctx, c, in.RoleName, func(_ *store.Tx, role *store.Role) (err error) {
		out, err = tagPage(page, role.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListRolePoliciesOutput is the output of ListRolePolicies.
type ListRolePoliciesOutput struct {
	PolicyNames []string `xml:"PolicyNames>member"`
	Paged
}

// ListRolePolicies lists the names of a role's inline policies. All are read: together they are short.
func (s *Service) ListRolePolicies(ctx context.Context, c wire.Caller, in *RolePageInput) (*ListRolePoliciesOutput, error) {
	if err := s.mayRole(ctx, c, "iam:ListRolePolicies", in.RoleName); err != nil {
		return nil, err
	}
	page, err := in.open(c, "ListRolePolicies")
	if err != nil {
		return nil, err
	}
	out := &ListRolePoliciesOutput{}
	err = s.viewRole(ctx, c, in.RoleName, func(tx *store.Tx, _ *store.Role) error {
		policies, err := tx.RolePolicies(c.Account, in.RoleName)
		out.PolicyNames, out.Paged = cutPage(page, slices.Sorted(maps.Keys(policies)), strings.Clone)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListInstanceProfilesForRoleOutput is the output of ListInstanceProfilesForRole.
type ListInstanceProfilesForRoleOutput struct {
	InstanceProfiles struct{} // always empty
	Paged
}

// ListInstanceProfilesForRole lists nothing: there are no machines here. Terraform asks before it deletes a role.
func (s *Service) ListInstanceProfilesForRole(ctx context.Context, c wire.Caller, in *RolePageInput) (*ListInstanceProfilesForRoleOutput, error) {
	if err := s.mayRole(ctx, c, "iam:ListInstanceProfilesForRole", in.RoleName); err != nil {
		return nil, err
	}
	if _, err := in.open(c, "ListInstanceProfilesForRole"); err != nil {
		return nil, err
	}
	err := s.viewRole(ctx, c, in.RoleName, func(*store.Tx, *store.Role) error { return nil })
	if err != nil {
		return nil, err
	}
	return &ListInstanceProfilesForRoleOutput{}, nil
}
