package iam

import (
	"context"

	"idpool/store"
	"idpool/wire"
)

// ListEntitiesForPolicyInput is the input of ListEntitiesForPolicy.
type ListEntitiesForPolicyInput struct {
	PolicyArn         string `api:"arnType,required"`
	EntityFilter      string `api:"EntityType"`
	PathPrefix        string `api:"pathType"` // of the entities
	PolicyUsageFilter string `api:"PolicyUsageType"`
	Marker            string `api:"markerType"`
	MaxItems          int    `api:"maxItemsType"`
}

// filter says which entities are listed.
func (in *ListEntitiesForPolicyInput) filter() store.EntityFilter {
	f := store.EntityFilter{
		PathPrefix: in.PathPrefix,
		Attached:   in.PolicyUsageFilter != usageBoundary,
		AsBoundary: in.PolicyUsageFilter != usagePermissions,
	}
	switch in.EntityFilter {
	case "":
	case "Role":
		f.Kind = store.RoleKind
	case "User":
		f.Kind = store.UserKind
	default: // a kind of thing of which there are none here, or to which no policy is attached
		f.Attached, f.AsBoundary = false, false
	}
	return f
}

// PolicyRole is a role that has a policy.
type PolicyRole struct {
	RoleName string
	RoleId   string
}

// PolicyUser is a user that has a policy.
type PolicyUser struct {
	UserName string
	UserId   string
}

// ListEntitiesForPolicyOutput is the output of ListEntitiesForPolicy.
type ListEntitiesForPolicyOutput struct {
	PolicyGroups struct{}     // always empty: there are no groups here
	PolicyUsers  []PolicyUser `xml:"PolicyUsers>member"`
	PolicyRoles  []PolicyRole `xml:"PolicyRoles>member"`
	Paged
}

// ListEntitiesForPolicy lists who has a managed policy, as a policy or as a boundary, roles first.
func (s *Service) ListEntitiesForPolicy(ctx context.Context, c wire.Caller, in *ListEntitiesForPolicyInput) (*ListEntitiesForPolicyOutput, error) {
	if err := s.mayPolicy(ctx, c, "iam:ListEntitiesForPolicy", in.PolicyArn); err != nil {
		return nil, err
	}
	page, err := openPage(in.Marker, in.MaxItems, "ListEntitiesForPolicy", c.Account, in.PolicyArn, in.EntityFilter,
		in.PathPrefix, in.PolicyUsageFilter)
	if err != nil {
		return nil, err
	}
	var entities []store.PolicyEntity
	err = s.viewPolicy(ctx, c, in.PolicyArn, notAttachable, func(tx *store.Tx, _ *store.Policy) (err error) {
		entities, err = tx.PolicyEntities(c.Account, in.PolicyArn, in.filter(), page.after, page.read())
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &ListEntitiesForPolicyOutput{}
	entities, out.Paged = cutPage(page, entities, func(e store.PolicyEntity) string { return e.Place })
	for _, e := range entities {
		if e.Kind == store.UserKind {
			out.PolicyUsers = append(out.PolicyUsers, PolicyUser{e.Name, e.UniqueID})
		} else {
			out.PolicyRoles = append(out.PolicyRoles, PolicyRole{e.Name, e.UniqueID})
		}
	}
	return out, nil
}
