package iam

import (
	"context"
	"errors"

	"idpool/store"
	"idpool/wire"
)

// MaxUsers is how many users an account may have.
const MaxUsers = 5000

// UserDescription is a user as IAM shows it. The account's root has neither path nor name.
type UserDescription struct {
	Path                string `xml:",omitempty"`
	UserName            string `xml:",omitempty"`
	UserId              string
	Arn                 string
	CreateDate          wire.Time
	PermissionsBoundary *AttachedBoundary
	Tags                *TagList
}

// AttachedBoundary is a permissions boundary as IAM shows it.
type AttachedBoundary struct {
	PermissionsBoundaryType string // always Policy
	PermissionsBoundaryArn  string
}

func describeUser(u *store.User) UserDescription {
	d := listedUser(u)
	if u.Boundary != "" {
		d.PermissionsBoundary = &AttachedBoundary{"Policy", u.Boundary}
	}
	if len(u.Tags) > 0 {
		d.Tags = &TagList{sortedTags(u.Tags)}
	}
	return d
}

// listedUser is a user in a list, where IAM shows neither tags nor boundary.
func listedUser(u *store.User) UserDescription {
	return UserDescription{
		Path: u.Path, UserName: u.Name, UserId: u.UniqueID, Arn: u.ARN(), CreateDate: wire.Time{Time: u.Created},
	}
}

func noSuchUser(name string) string { return "The user with name " + name + " cannot be found." }

// errNoUser is what a caller gets who is no user and names none.
var errNoUser = invalidMember("Must specify userName when calling with non-User credentials")

// userOf finds the user that an operation is about: the one with the name, or the caller where none is given. Nil is the
// account's root.
func userOf(tx *store.Tx, c wire.Caller, name string) (*store.User, error) {
	switch {
	case name != "":
		u, err := tx.User(c.Account, name)
		return u, orNotFound(err, noSuchUser(name))
	case c.Root:
		return nil, nil
	case c.User == "":
		return nil, errNoUser
	}
	u, err := tx.UserByID(c.UserID) // who may have another name by now
	return u, orNotFound(err, noSuchUser(c.User))
}

// namedUser reads a user of the caller's account.
func (s *Service) namedUser(ctx context.Context, c wire.Caller, name string) (u *store.User, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		u, err = tx.User(c.Account, name)
		return err
	})
	return u, orNotFound(err, noSuchUser(name))
}

// changeUser reads a user who must be there and stores what change makes of it.
func (s *Service) changeUser(ctx context.Context, c wire.Caller, name string, change func(*store.Tx, *store.User) error) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := tx.User(c.Account, name)
		if err != nil {
			return orNotFound(err, noSuchUser(name))
		}
		if err := change(tx, u); err != nil {
			return err
		}
		return tx.ChangeUser(u)
	})
}

// CreateUserInput is the input of CreateUser.
type CreateUserInput struct {
	Path                string `api:"pathType"`
	UserName            string `api:"userNameType,required"`
	PermissionsBoundary string `api:"arnType"`
	Tags                []Tag  `api:"tagListType"`
}

// UserOutput is the output of CreateUser and GetUser.
type UserOutput struct {
	User UserDescription
}

// CreateUser makes a user, who has no key and no password and may do nothing.
func (s *Service) CreateUser(ctx context.Context, c wire.Caller, in *CreateUserInput) (*UserOutput, error) {
	u := &store.User{Account: c.Account, Name: in.UserName, Path: in.Path, Boundary: in.PermissionsBoundary}
	if u.Path == "" {
		u.Path = "/"
	}
	if err := s.mayCreate(ctx, c, "User", u.ARN(), in.Tags, boundaryKey(in.PermissionsBoundary)...); err != nil {
		return nil, err
	}
	var err error
	if u.Tags, err = tagMap(in.Tags); err != nil {
		return nil, err
	}
	if u.UniqueID, err = uniqueID(s.Rand, "AIDA", 21); err != nil {
		return nil, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		u.Created = tx.Now()
		if u.Boundary != "" {
			if err := boundaryExists(tx, c.Account, u.Boundary); err != nil {
				return err
			}
		}
		n, err := tx.UserCount(c.Account)
		if err != nil {
			return err
		}
		if n >= MaxUsers {
			return limitExceeded("Cannot exceed quota for UsersPerAccount: 5000")
		}
		return tx.CreateUser(u)
	})
	if errors.Is(err, store.ErrExists) {
		return nil, userExists(in.UserName)
	}
	if err != nil {
		return nil, err
	}
	return &UserOutput{describeUser(u)}, nil
}

func userExists(name string) error {
	return alreadyExists("User with name " + name + " already exists.")
}

// GetUserInput is the input of GetUser.
type GetUserInput struct {
	UserName string `api:"existingUserNameType"`
}

// GetUser describes a user, or whoever calls: a user or the account's root.
func (s *Service) GetUser(ctx context.Context, c wire.Caller, in *GetUserInput) (*UserOutput, error) {
	if err := s.mayUser(ctx, c, "iam:GetUser", in.UserName); err != nil {
		return nil, err
	}
	out := &UserOutput{}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		u, err := userOf(tx, c, in.UserName)
		switch {
		case err != nil:
			return err
		case u != nil:
			out.User = describeUser(u)
			return nil
		}
		created, err := tx.AccountCreated(c.Account)
		out.User = UserDescription{UserId: c.UserID, Arn: c.ARN, CreateDate: wire.Time{Time: created}}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListUsersInput is the input of ListUsers.
type ListUsersInput struct {
	PathPrefix string `api:"pathPrefixType"`
	Marker     string `api:"markerType"`
	MaxItems   int    `api:"maxItemsType"`
}

// ListUsersOutput is the output of ListUsers.
type ListUsersOutput struct {
	Users []UserDescription `xml:"Users>member"`
	Paged
}

// ListUsers lists the users whose paths begin with a prefix, by name.
func (s *Service) ListUsers(ctx context.Context, c wire.Caller, in *ListUsersInput) (*ListUsersOutput, error) {
	prefix := in.PathPrefix
	if prefix == "" {
		prefix = "/"
	}
	if err := s.Authorize(ctx, c, "iam:ListUsers", "arn:aws:iam::"+c.Account+":user"+prefix); err != nil {
		return nil, err
	}
	p, err := openPage(in.Marker, in.MaxItems, "ListUsers", c.Account, prefix)
	if err != nil {
		return nil, err
	}
	var users []*store.User
	err = s.DB.ViewStale(ctx, func(tx *store.Tx) (err error) {
		users, err = tx.Users(c.Account, prefix, p.after, p.read())
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &ListUsersOutput{}
	users, out.Paged = cutPage(p, users, (*store.User).Key)
	for _, u := range users {
		out.Users = append(out.Users, listedUser(u))
	}
	return out, nil
}

// UpdateUserInput is the input of UpdateUser.
type UpdateUserInput struct {
	UserName    string `api:"existingUserNameType,required"`
	NewPath     string `api:"pathType"`
	NewUserName string `api:"userNameType"`
}

// UpdateUser gives a user another name or path, and with that another ARN. The unique id stays, and what belongs to the user:
// keys, inline policies, boundary and tags. The caller must be allowed it for both ARNs.
func (s *Service) UpdateUser(ctx context.Context, c wire.Caller, in *UpdateUserInput) (*wire.Nothing, error) {
	if err := s.mayUser(ctx, c, "iam:UpdateUser", in.UserName); err != nil {
		return nil, err
	}
	become := func(u *store.User) {
		if in.NewPath != "" {
			u.Path = in.NewPath
		}
		if in.NewUserName != "" {
			u.Name = in.NewUserName
		}
	}
	u, err := s.namedUser(ctx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	become(u)
	if err := s.Authorize(ctx, c, "iam:UpdateUser", u.ARN()); err != nil {
		return nil, err
	}
	err = s.changeUser(ctx, c, in.UserName, func(_ *store.Tx, u *store.User) error {
		become(u)
		return nil
	})
	if errors.Is(err, store.ErrExists) {
		err = userExists(in.NewUserName)
	}
	return nil, err
}

// UserInput is the input of operations that take nothing but a user's name.
type UserInput struct {
	UserName string `api:"existingUserNameType,required"`
}

// DeleteUser removes a user who has nothing any more that outlives him.
func (s *Service) DeleteUser(ctx context.Context, c wire.Caller, in *UserInput) (*wire.Nothing, error) {
	if err := s.mayUser(ctx, c, "iam:DeleteUser", in.UserName); err != nil {
		return nil, err
	}
	return nil, s.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := tx.User(c.Account, in.UserName)
		if err != nil {
			return orNotFound(err, noSuchUser(in.UserName))
		}
		if err := userConflict(tx, u); err != nil {
			return err
		}
		return tx.DeleteUser(u)
	})
}

// userConflict says what stands in the way of a user's deletion.
func userConflict(tx *store.Tx, u *store.User) error {
	if err := stillAttached(tx, u.UniqueID); err != nil {
		return err
	}
	keys, err := tx.AccessKeys(u.Account, u.UniqueID)
	if err != nil {
		return err
	}
	if len(keys) > 0 {
		return deleteConflict("Cannot delete entity, must delete access keys first.")
	}
	policies, err := tx.UserPolicies(u.UniqueID)
	if err != nil {
		return err
	}
	if len(policies) > 0 {
		return deleteConflict("Cannot delete entity, must delete policies first.")
	}
	return nil
}
