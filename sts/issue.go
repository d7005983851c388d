package sts

import (
	"context"
	"errors"
	"time"

	"idpool/iam"
	"idpool/issuer"
	"idpool/policy"
	"idpool/wire"
)

// Lifetimes of credentials.
const (
	DefaultLifetime = time.Hour
	MinLifetime     = 15 * time.Minute
)

// ErrAccessDenied is returned when a role may not be assumed this way. Its text, for the log, says why; the client is
// told nothing but that it is so.
var ErrAccessDenied = errors.New("access denied")

// Credentials are temporary credentials as STS writes them.
type Credentials struct {
	AccessKeyId     string
	SecretAccessKey string
	SessionToken    string
	Expiration      wire.Time
}

// Assumed is what Issue gives: the credentials, and the role they are for.
type Assumed struct {
	Credentials Credentials
	Role        *iam.Role
	ARN         string // of the session
	Packed      int    // how full its policies and tags make the token, in percent
}

// WebIdentity is a login through our own issuer, as a trust policy sees it.
type WebIdentity struct {
	Audience string            // pool id
	Subject  string            // identity id
	AMR      []string          // authenticated or unauthenticated, and the logins used
	Tags     map[string]string // principal tags; with any, the role must allow sts:TagSession too
}

// Request asks for credentials of a role.
type Request struct {
	Account        string // of the role
	AccountVersion int64
	RoleARN        string
	SessionName    string
	Lifetime       time.Duration
	Policy         string   // session policy, parsed before
	Policies       []string // ARNs of managed policies of the role's account or built in, which are session policies too
	Flow           Flow
	Web            WebIdentity
	Identity       IdentityOf // epochs as of the read that this call rests on
}

// Issue makes credentials of a role for a login, if the role's trust policy allows it. It returns ErrAccessDenied, also for
// a role that does not exist; who is trusted gets an error for a session policy that does not.
func (s *Service) Issue(ctx context.Context, r *Request) (*Assumed, error) {
	role, err := s.role(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := r.trusted(role); err != nil {
		return nil, err
	}
	if err := s.checkManaged(ctx, r.Account, r.AccountVersion, r.Policies); err != nil {
		return nil, err
	}
	return s.grant(role, r.Lifetime, r.session(role, s.Now()))
}

// role finds the role that is asked for.
func (s *Service) role(ctx context.Context, r *Request) (*iam.Role, error) {
	role, err := s.IAM.Role(ctx, r.Account, r.AccountVersion, r.RoleARN)
	if errors.Is(err, iam.ErrNoRole) {
		return nil, r.noRole()
	}
	return role, err
}

// session is what the credentials will say.
func (r *Request) session(role *iam.Role, now time.Time) *Session {
	now = now.UTC().Truncate(time.Second)
	return &Session{
		Account: r.Account, RoleID: role.UniqueID, Name: r.SessionName, Issued: now, Expires: now.Add(r.Lifetime),
		Epoch: role.Epoch, Policy: r.Policy, Policies: r.Policies, Tags: r.Web.Tags, Flow: r.Flow, Identity: &r.Identity,
	}
}

var trustActions = [...]string{"sts:AssumeRoleWithWebIdentity", "sts:TagSession"}

// actions are what the role's trust policy has to allow.
func (r *Request) actions() []string {
	if len(r.Web.Tags) == 0 {
		return trustActions[:1]
	}
	return trustActions[:]
}

// question is what the role's trust policy is asked, but for the action. Under our own issuer's name stand the claims of the
// token, as AWS has it.
func (r *Request) question() policy.Request {
	asked := policy.Request{
		Principal: policy.Principal{Type: policy.Federated, Name: issuer.Name},
		Context:   r.Web.context(r.SessionName),
	}
	if r.Identity.Account != r.Account {
		// Whoever may make pools somewhere else chooses what a login there is called: the pool itself has to be named
		// (developer guide, "iam-roles").
		asked.RequireKey = issuer.Name + ":aud"
	}
	return asked
}

// trusted asks the role's trust policy.
func (r *Request) trusted(role *iam.Role) error {
	asked := r.question()
	for _, asked.Action = range r.actions() {
		if role.Trust.Evaluate(&asked).Effect != policy.Allow {
			explained := role.Trust.Why(&asked)
			return r.refused(&explained)
		}
	}
	return nil
}

func (w *WebIdentity) context(sessionName string) policy.Context {
	c := make(policy.Context, 0, 4+len(w.Tags))
	c = append(
		c,
		policy.Pair{Key: issuer.Name + ":aud", Values: []string{w.Audience}},
		policy.Pair{Key: issuer.Name + ":sub", Values: []string{w.Subject}},
		policy.Pair{Key: issuer.Name + ":amr", Values: w.AMR},
		policy.Pair{Key: "sts:RoleSessionName", Values: []string{sessionName}},
	)
	var keys []string
	for key, value := range w.Tags {
		c = append(c, policy.Pair{Key: "aws:RequestTag/" + key, Values: []string{value}})
		keys = append(keys, key)
	}
	if len(keys) > 0 {
		c = append(c, policy.Pair{Key: "aws:TagKeys", Values: keys})
	}
	return c
}
