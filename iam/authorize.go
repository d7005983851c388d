package iam

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"idpool/policy"
	"idpool/store"
	"idpool/wire"
)

// Session is what temporary credentials say of what they may do; a wire.Caller carries it.
type Session struct {
	RoleID   string // AROA..., of the role that it is a session of; empty: a user's, or the root's, who may what they may
	RoleARN  string
	Policies []policy.Named // the session policies that the credentials hold; nil for none
	Managed  []string       // ARNs of managed policies that are session policies too, as they are at use
	Tags     map[string]string
	Context  policy.Context // condition keys that the session brings along

	Transitive     []string // keys of those tags that go along into the sessions of roles that this one assumes
	SourceIdentity string   // goes along likewise; empty: none
}

// ofRole tells whether it is a session of a role. No session is none.
func (s *Session) ofRole() bool { return s != nil && s.RoleID != "" }

// Authorize says whether a caller may do an action on a resource, whose condition keys beside those of every request are
// given. It returns nil or a *Denied. The root of an account may do everything in it.
func (s *Service) Authorize(ctx context.Context, c wire.Caller, action, resource string, keys ...policy.Pair) error {
	if c.Root {
		return nil
	}
	set, request, err := s.question(ctx, c, action, resource, keys)
	if errors.Is(err, ErrNoPrincipal) { // gone since its key was found
		set, err = &policy.Set{}, nil
	}
	if err != nil {
		return err
	}
	decision := set.Evaluate(request)
	if decision.Effect == policy.Allow {
		return nil
	}
	return &Denied{Caller: c.ARN, Action: action, Resource: resource, Reason: decision.Reason(action), Why: why(set, request)}
}

// why is the cause of a refusal for the log, without the identity's id: a guest's id is its only secret.
func why(set *policy.Set, r *policy.Request) string {
	for _, pair := range r.Context {
		if pair.Key == "cognito-identity.amazonaws.com:sub" && len(pair.Values) == 1 {
			r.Secret = pair.Values[0]
		}
	}
	explained := set.Why(r)
	return explained.Cause()
}

// question puts together which policies have a say, and what they are asked. It returns ErrNoPrincipal, and the request then.
func (s *Service) question(ctx context.Context, c wire.Caller, action, resource string, keys []policy.Pair) (*policy.Set, *policy.Request, error) {
	request := &policy.Request{
		Principal: policy.Principal{Type: policy.AWS, Name: c.ARN, Account: c.Account}, Action: action, Resource: resource,
	}
	kind, id := store.UserKind, c.UserID
	session, _ := c.Session.(*Session)
	if session.ofRole() {
		kind, id, request.Principal.Role = store.RoleKind, session.RoleID, session.RoleARN
	}
	principal, err := s.Principal(ctx, c.Account, c.AccountVersion, kind, id)
	if err != nil {
		return nil, request, err
	}
	set := &policy.Set{Identity: principal.Identity, Boundary: principal.Boundary}
	if session != nil {
		if set.Session, err = s.sessionPolicies(ctx, c, session); err != nil {
			return nil, nil, err
		}
	}
	request.Context = append(s.contextOf(c, principal, session), keys...)
	return set, request, nil
}

// sessionPolicies are those that the credentials hold, and the managed ones as they are now. Where there are any, a session
// may do nothing that none of them allows, so one that is gone is not left out.
func (s *Service) sessionPolicies(ctx context.Context, c wire.Caller, session *Session) ([]policy.Named, error) {
	policies := session.Policies
	for _, arn := range session.Managed {
		managed, err := s.ManagedPolicy(ctx, c.Account, c.AccountVersion, arn)
		if errors.Is(err, ErrNoPolicy) {
			managed, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
		policies = append(policies[:len(policies):len(policies)], policy.Named{Name: arn, Policy: managed})
	}
	return policies, nil
}

// contextOf are the condition keys that every request has, after the user guide's page on global condition keys.
func (s *Service) contextOf(c wire.Caller, p *Principal, session *Session) policy.Context {
	now := s.Now().UTC()
	one := func(value string) []string { return []string{value} }
	keys := policy.Context{
		{Key: "aws:PrincipalAccount", Values: one(c.Account)},
		{Key: "aws:userid", Values: one(c.UserID)},
		{Key: "aws:RequestedRegion", Values: one(c.Region)},
		{Key: "aws:CurrentTime", Values: one(now.Format(time.RFC3339))},
		{Key: "aws:EpochTime", Values: one(strconv.FormatInt(now.Unix(), 10))},
		{Key: "aws:SecureTransport", Values: one(strconv.FormatBool(c.Secure))},
		{Key: "aws:PrincipalIsAWSService", Values: one("false")},
		{Key: "aws:ViaAWSService", Values: one("false")},
	}
	if c.From != "" {
		keys = append(keys, policy.Pair{Key: "aws:SourceIp", Values: one(c.From)})
	}
	if c.UserAgent != "" {
		keys = append(keys, policy.Pair{Key: "aws:UserAgent", Values: one(c.UserAgent)})
	}
	tags := p.Tags
	if !session.ofRole() {
		keys = append(
			keys,
			policy.Pair{Key: "aws:PrincipalArn", Values: one(c.ARN)},
			policy.Pair{Key: "aws:PrincipalType", Values: one("User")},
			policy.Pair{Key: "aws:username", Values: one(c.User)},
		)
	} else {
		keys = append(
			keys,
			policy.Pair{Key: "aws:PrincipalArn", Values: one(session.RoleARN)},
			policy.Pair{Key: "aws:PrincipalType", Values: one("AssumedRole")},
		)
	}
	if session != nil {
		keys = append(keys, session.Context...)
		keys = append(keys, TagKeys("aws:PrincipalTag/", session.Tags)...) // before the role's: the first that stands counts
	}
	return append(keys, TagKeys("aws:PrincipalTag/", tags)...)
}

// TagKeys are the condition keys of tags, behind a prefix that ends in a slash.
func TagKeys(prefix string, tags map[string]string) policy.Context {
	keys := make(policy.Context, 0, len(tags))
	for key, value := range tags {
		keys = append(keys, policy.Pair{Key: prefix + key, Values: []string{value}})
	}
	slices.SortFunc(keys, func(a, b policy.Pair) int { return strings.Compare(a.Key, b.Key) })
	return keys
}

// RequestTags are the condition keys of tags that a call brings, and of their keys. A call without tags has none.
func RequestTags(tags map[string]string) policy.Context {
	if len(tags) == 0 {
		return nil
	}
	return append(TagKeys("aws:RequestTag/", tags), policy.Pair{Key: "aws:TagKeys", Values: slices.Sorted(maps.Keys(tags))})
}

// Denied is the answer to a caller whom no policy allows what it asks for.
type Denied struct {
	Caller   string // ARN
	Action   string // service:Operation
	Resource string // ARN
	Reason   string // such as: because no identity-based policy allows the iam:GetRole action
	Why      string // for the log: which statement decided, or came closest
}

// Error is the original's text.
func (d *Denied) Error() string {
	text := "User: " + d.Caller + " is not authorized to perform: " + d.Action + " on resource: " + d.Resource
	if d.Reason == "" {
		return text
	}
	return text + " " + d.Reason
}

// Cause is for the log.
func (d *Denied) Cause() error { return errors.New(d.Why) }
