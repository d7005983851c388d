package cognito

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"idpool/identity"
	"idpool/policy"
	"idpool/store"
	"idpool/sts"
	"idpool/wire"
)

// ExplainCredentialsInput is the input of ExplainCredentials: that of GetCredentialsForIdentity. Without Logins it is about
// the logins that the identity has.
type ExplainCredentialsInput struct {
	IdentityId    string            `api:"IdentityId,required"`
	Logins        map[string]string `api:"LoginsMap" json:",omitempty"`
	CustomRoleArn string            `api:"ARNString" json:",omitempty"`
}

// Explained is the output of ExplainCredentials and ExplainAccess.
type Explained struct {
	Allowed     bool
	RoleArn     string `json:",omitempty"` // as far as one is chosen
	Reason      string // one line; of refused credentials the cause that the log and the audit event have
	Explanation string // lines
}

// ExplainCredentials says what GetCredentialsForIdentity would answer, and why. It is an operation of idpool's own. Tokens are
// verified, and nothing is written or issued.
func (s *Service) ExplainCredentials(ctx context.Context, c wire.Caller, in *ExplainCredentialsInput) (*Explained, error) {
	if err := s.mayDoWithIdentity(ctx, c, "idpool:ExplainCredentials", in.IdentityId); err != nil {
		return nil, err
	}
	story, err := s.tell(ctx, c, in)
	if err != nil {
		return nil, err
	}
	return story.credentials(), nil
}

// story is how a call of GetCredentialsForIdentity would end.
type story struct {
	lines   []string // what happened on the way
	role    string
	refused *wire.Error // as the client would have it; nil if there would be credentials
	trust   []policy.Explanation
	caller  wire.Caller // whom the credentials would be for
}

func (t *story) note(format string, args ...any) {
	t.lines = append(t.lines, fmt.Sprintf(format, args...))
}

func (t *story) credentials() *Explained {
	e := &Explained{Allowed: t.refused == nil, RoleArn: t.role, Explanation: t.String()}
	if t.refused == nil {
		e.Reason = "the identity gets credentials of " + t.role
	} else {
		e.Reason = reasonOf(t.refused)
	}
	return e
}

// reasonOf is the cause that the log has where the client is told nothing that helps, or else what it is told, and the cause.
func reasonOf(e *wire.Error) string {
	switch {
	case errors.Is(e.Cause, sts.ErrAccessDenied):
		return e.Cause.Error()
	case e.Cause != nil:
		return e.Message + " (" + e.Cause.Error() + ")"
	}
	return e.Message
}

func (t *story) String() string {
	var b strings.Builder
	for _, line := range t.lines {
		b.WriteString(line + "\n")
	}
	if t.refused != nil && t.refused != errUnknownRole {
		b.WriteString("the client is told " + t.refused.Code + ": " + t.refused.Message + "\n")
	}
	for _, e := range t.trust {
		b.WriteString("does the trust policy of " + t.role + " allow " + e.Action + "? " + e.String())
	}
	return b.String()
}

// tell goes the way of GetCredentialsForIdentity without writing. An error is one of this call; those that the other call
// would have are in the story.
func (s *Service) tell(ctx context.Context, c wire.Caller, in *ExplainCredentialsInput) (*story, error) {
	if _, ok := localID(in.IdentityId, c.Region); !ok {
		return nil, noIdentity(in.IdentityId)
	}
	v, err := s.findIdentity(ctx, in.IdentityId)
	if err == nil && v.ref.Account != c.Account {
		err = noIdentity(in.IdentityId)
	}
	if err != nil {
		return nil, err
	}
	t := &story{}
	refused := s.follow(ctx, t, v, in)
	if refused == nil {
		return t, nil
	}
	if !errors.As(refused, &t.refused) {
		t.refused = mapError(refused)
	}
	if t.refused == nil || t.refused.Status >= http.StatusInternalServerError {
		return nil, refused
	}
	return t, nil
}

// follow is the walk of GetCredentialsForIdentity. It returns what the client would get for an error.
func (s *Service) follow(ctx context.Context, t *story, v *visit, in *ExplainCredentialsInput) error {
	if err := s.showLogins(ctx, t, v, in.Logins); err != nil {
		return err
	}
	tags, err := v.tags()
	if err != nil {
		return err
	}
	admitted, err := s.wouldAdmit(ctx, t, v)
	if err != nil {
		return err
	}
	if t.role, err = s.wouldGet(t, v, in.CustomRoleArn); err != nil {
		return err
	}
	explained, err := s.STS.Explain(ctx, v.request(admitted, t.role, tags))
	if err != nil {
		return err
	}
	t.trust, t.caller = explained.Trust, explained.Caller
	t.caller.Region = v.ref.Region
	return explained.Refused
}

// wouldAdmit is admit without its writes.
func (s *Service) wouldAdmit(ctx context.Context, t *story, v *visit) (a admission, err error) {
	facts := s.facts(v)
	var plan identity.Plan
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if err := s.gather(tx, v, facts); err != nil {
			return err
		}
		plan, err = s.resolve(facts, v)
		return err
	})
	if err != nil {
		return a, err
	}
	for _, l := range plan.Link {
		t.note("the login of %s is new, and would be linked to the identity", l.Provider)
	}
	if len(plan.Absorb) > 0 {
		t.note("other identities of the same person would be merged with it, and the rest is about %s", plan.Identity.In(v.ref.Region))
	}
	_, err = s.assertionsAreOf(ctx, v, plan.Identity)
	return admission{ID: plan.Identity, Epoch: epochOf(plan.Identity, facts)}, err
}

// errUnknownRole is no answer of the other call's: there a token would be shown.
var errUnknownRole = &wire.Error{
	Code: "UnknownRole", Message: "the role is decided by what a token says, and none was given: give Logins",
}

// wouldGet chooses the role as far as that goes without claims.
func (s *Service) wouldGet(t *story, v *visit, custom string) (string, error) {
	if len(v.logins) == 0 {
		t.note("without a login the role is the pool's for guests")
		return v.role(custom)
	}
	p, mapper := v.deciding()
	if _, unknown := p.claims.(unknownClaims); unknown && (mapper != nil || isSAML(p.name)) {
		t.note("what the token of %s says decides the role", p.name)
		return "", errUnknownRole
	}
	switch {
	case mapper != nil:
		t.note("the pool's role mapping for %s, of type %s, chooses the role", p.name, mapper.Type)
	case p.isAssertion() && len(p.assertion.roles) > 0:
		t.note("the assertion of %s grants %s", p.name, strings.Join(p.assertion.roles, ", "))
	default:
		t.note("no role mapping applies, so the role is the pool's for those who have signed in")
	}
	return v.role(custom)
}
