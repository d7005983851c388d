package cognito

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"idpool/iam"
	"idpool/policy"
	"idpool/wire"
)

// ExplainAccessInput is the input of ExplainAccess: who, which is one of a role, a user and an identity; what; and condition
// keys that the request would have, beside those that every request has. Logins and CustomRoleArn are of an identity.
type ExplainAccessInput struct {
	RoleName      string              `api:"roleNameType" json:",omitempty"`
	UserName      string              `api:"roleNameType" json:",omitempty"`
	IdentityId    string              `api:"IdentityId" json:",omitempty"`
	Logins        map[string]string   `api:"LoginsMap" json:",omitempty"`
	CustomRoleArn string              `api:"ARNString" json:",omitempty"`
	Action        string              `api:"Action,required"`
	Resource      string              `api:"Resource,required"`
	Context       map[string][]string `api:"Context" json:",omitempty"`
}

// maxContext is how many bytes the keys and values of a Context have at most, all together: every condition is tested against
// them.
const maxContext = 64 << 10

const explainAccess = "idpool:ExplainAccess"

// ExplainAccess says whether a user, a session of a role, or the session that an identity would get by the enhanced flow, may
// do an action on a resource, and why. The resource is asked for nothing: policies of buckets are not known here. It is an
// operation of idpool's own.
func (s *Service) ExplainAccess(ctx context.Context, c wire.Caller, in *ExplainAccessInput) (*Explained, error) {
	switch {
	case in.RoleName != "" && in.UserName+in.IdentityId == "":
		session, err := s.IAM.SessionOf(ctx, c, in.RoleName)
		if err != nil {
			return nil, orNotFound(err, noRole(in.RoleName))
		}
		return s.access(ctx, session, in)
	case in.UserName != "" && in.RoleName+in.IdentityId == "":
		user, err := s.IAM.UserOf(ctx, c, in.UserName)
		if err != nil {
			return nil, orNotFound(err, notFound("User '%s' not found.", in.UserName))
		}
		return s.access(ctx, user, in)
	case in.IdentityId != "" && in.RoleName+in.UserName == "":
		return s.accessOfIdentity(ctx, c, in)
	}
	if err := s.mayDo(ctx, c, explainAccess, "*"); err != nil {
		return nil, err
	}
	return nil, invalidParameter("Give one of RoleName, UserName and IdentityId.")
}

func (s *Service) accessOfIdentity(ctx context.Context, c wire.Caller, in *ExplainAccessInput) (*Explained, error) {
	if err := s.mayDoWithIdentity(ctx, c, explainAccess, in.IdentityId); err != nil {
		return nil, err
	}
	story, err := s.tell(ctx, c, &ExplainCredentialsInput{IdentityId: in.IdentityId, Logins: in.Logins, CustomRoleArn: in.CustomRoleArn})
	if err != nil {
		return nil, err
	}
	out := story.credentials()
	if !out.Allowed {
		out.Reason = "no credentials: " + out.Reason
		return out, nil
	}
	access, err := s.access(ctx, story.caller, in)
	if err != nil {
		return nil, err
	}
	access.RoleArn = story.role
	access.Explanation = out.Reason + "\n" + access.Explanation
	return access, nil
}

// access asks the policies of whoever it would be.
func (s *Service) access(ctx context.Context, who wire.Caller, in *ExplainAccessInput) (*Explained, error) {
	var given policy.Context
	size := 0
	for _, key := range slices.Sorted(maps.Keys(in.Context)) {
		given = append(given, policy.Pair{Key: key, Values: in.Context[key]})
		size += len(key) + len(strings.Join(in.Context[key], ""))
	}
	if size > maxContext {
		return nil, invalidParameter("Context has %d bytes, and may have %d at most.", size, maxContext)
	}
	e, err := s.IAM.Explain(ctx, who, in.Action, in.Resource, given)
	if errors.Is(err, iam.ErrNoPrincipal) { // gone in the meantime
		return nil, notFound("%s not found.", who.ARN)
	}
	if err != nil {
		return nil, err
	}
	return &Explained{Allowed: e.Effect == policy.Allow, Reason: e.Cause(), Explanation: e.String()}, nil
}
