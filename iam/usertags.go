package iam

import (
	"context"

	"idpool/store"
	"idpool/wire"
)

// TagUserInput is the input of TagUser.
type TagUserInput struct {
	UserName string `api:"existingUserNameType,required"`
	Tags     []Tag  `api:"tagListType,required"`
}

// TagUser adds tags. One whose key differs by case alone from an older one's takes its place.
func (s *Service) TagUser(ctx context.Context, c wire.Caller, in *TagUserInput) (*wire.Nothing, error) {
	if err := s.mayUser(ctx, c, "iam:TagUser", in.UserName, tagMapKeys(in.Tags)...); err != nil {
		return nil, err
	}
	return nil, s.changeUser(ctx, c, in.UserName, func(_ *store.Tx, u *store.User) error { return addTags(u.Tags, in.Tags) })
}

// UntagUserInput is the input of UntagUser.
type UntagUserInput struct {
	UserName string   `api:"existingUserNameType,required"`
	TagKeys  []string `api:"tagKeyListType,required"`
}

// UntagUser removes tags; keys that no tag has are no error.
func (s *Service) UntagUser(ctx context.Context, c wire.Caller, in *UntagUserInput) (*wire.Nothing, error) {
	if err := s.mayUser(ctx, c, "iam:UntagUser", in.UserName, untagKey(in.TagKeys)); err != nil {
		return nil, err
	}
	return nil, s.changeUser(ctx, c, in.UserName, func(_ *store.Tx, u *store.User) error {
		for _, key := range in.TagKeys {
			removeTag(u.Tags, key)
		}
		return nil
	})
}

// UserPageInput asks for a page of what a user has.
type UserPageInput struct {
	UserName string `api:"existingUserNameType,required"`
	Marker   string `api:"markerType"`
	MaxItems int    `api:"maxItemsType"`
}

// ListUserTags lists a user's tags by key.
func (s *Service) ListUserTags(ctx context.Context, c wire.Caller, in *UserPageInput) (*TagPage, error) {
	if err := s.mayUser(ctx, c, "iam:ListUserTags", in.UserName); err != nil {
		return nil, err
	}
	u, err := s.namedUser(ctx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	p, err := openPage(in.Marker, in.MaxItems, "ListUserTags", u.UniqueID)
	if err != nil {
		return nil, err
	}
	return tagPage(p, u.Tags)
}

// ListGroupsForUserOutput is the output of ListGroupsForUser.
type ListGroupsForUserOutput struct {
	Groups struct{} // always empty
	Paged
}

// ListGroupsForUser lists nothing: there are no groups here. Terraform asks before it deletes a user.
func (s *Service) ListGroupsForUser(ctx context.Context, c wire.Caller, in *UserPageInput) (*ListGroupsForUserOutput, error) {
	if err := s.mayUser(ctx, c, "iam:ListGroupsForUser", in.UserName); err != nil {
		return nil, err
	}
	if _, err := openPage(in.Marker, in.MaxItems, "ListGroupsForUser", c.Account); err != nil {
		return nil, err
	}
	if _, err := s.namedUser(ctx, c, in.UserName); err != nil {
		return nil, err
	}
	return &ListGroupsForUserOutput{}, nil
}

// PutUserPermissionsBoundaryInput is the input of PutUserPermissionsBoundary.
type PutUserPermissionsBoundaryInput struct {
	UserName            string `api:"userNameType,required"`
	PermissionsBoundary string `api:"arnType,required"`
}

// PutUserPermissionsBoundary names the managed policy beyond which a user may do nothing, whatever other policies allow.
func (s *Service) PutUserPermissionsBoundary(ctx context.Context, c wire.Caller, in *PutUserPermissionsBoundaryInput) (*wire.Nothing, error) {
	if err := s.mayUser(ctx, c, "iam:PutUserPermissionsBoundary", in.UserName, boundaryKey(in.PermissionsBoundary)...); err != nil {
		return nil, err
	}
	return nil, s.changeUser(ctx, c, in.UserName, func(tx *store.Tx, u *store.User) error {
		u.Boundary = in.PermissionsBoundary
		return boundaryExists(tx, c.Account, in.PermissionsBoundary)
	})
}

// DeleteUserPermissionsBoundaryInput is the input of DeleteUserPermissionsBoundary.
type DeleteUserPermissionsBoundaryInput struct {
	UserName string `api:"userNameType,required"`
}

// DeleteUserPermissionsBoundary removes a user's boundary, if there is one.
func (s *Service) DeleteUserPermissionsBoundary(ctx context.Context, c wire.Caller, in *DeleteUserPermissionsBoundaryInput) (*wire.Nothing, error) {
	if err := s.mayUser(ctx, c, "iam:DeleteUserPermissionsBoundary", in.UserName); err != nil {
		return nil, err
	}
	return nil, s.changeUser(ctx, c, in.UserName, func(_ *store.Tx, u *store.User) error {
		u.Boundary = ""
		return nil
	})
}
