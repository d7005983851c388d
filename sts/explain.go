package sts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"idpool/iam"
	"idpool/issuer"
	"idpool/policy"
	"idpool/store"
	"idpool/wire"
)

// Explained is what Issue would answer, and why.
type Explained struct {
	Refused error                // what Issue would return; nil if it would give credentials
	Trust   []policy.Explanation // what the role's trust policy says of each action that it has to allow
	Caller  wire.Caller          // whom the credentials would be for; zero where there would be none
}

// Explain says what Issue would answer to a request, and makes nothing.
func (s *Service) Explain(ctx context.Context, r *Request) (*Explained, error) {
	role, err := s.role(ctx, r)
	if errors.Is(err, ErrAccessDenied) {
		return &Explained{Refused: err}, nil
	}
	if err != nil {
		return nil, err
	}
	e := &Explained{Refused: r.trusted(role)}
	asked := r.question()
	for _, asked.Action = range r.actions() {
		e.Trust = append(e.Trust, role.Trust.Explain(&asked))
	}
	if e.Refused != nil {
		return e, nil
	}
	state := &store.Session{Account: r.Account, AccountVersion: r.AccountVersion, RolePath: role.Path, RoleName: role.Name}
	e.Caller, err = r.session(role, s.Now()).caller(state, "")
	return e, err
}

// noRole is the refusal of a role that the account does not have.
func (r *Request) noRole() error {
	if account, ok := iam.AccountOfRole(r.RoleARN); ok && account != r.Account {
		return fmt.Errorf("%w: role %s is of account %s, and a pool gives roles of its own account, %s, alone",
			ErrAccessDenied, r.RoleARN, account, r.Account)
	}
	return fmt.Errorf("%w: account %s has no role %s", ErrAccessDenied, r.Account, r.RoleARN)
}

// refused is the refusal of a role's trust policy. Its text goes to the log, and a guest's id is its only secret.
func (r *Request) refused(e *policy.Explanation) error {
	why := e.Cause()
	if plain := r.mistake(e); plain != "" {
		why = plain + " (" + why + ")"
	}
	why = strings.ReplaceAll(why, r.Web.Subject, "(the identity)")
	return fmt.Errorf("%w: the trust policy of %s does not allow %s: %s", ErrAccessDenied, r.RoleARN, e.Action, why)
}

// mistake says in plain words what is wrong with a trust policy, if it is one of the usual mistakes.
func (r *Request) mistake(e *policy.Explanation) string {
	closest := e.Closest()
	switch {
	case e.Effect == policy.Deny:
		return ""
	case closest == nil && e.Action == trustActions[1]:
		return "it lets nobody bring tags, and this login has the principal tags " +
			strings.Join(slices.Sorted(maps.Keys(r.Web.Tags)), ", ")
	case closest == nil:
		return ""
	}
	var mistakes []string
	for _, test := range closest.Tests {
		switch {
		case test.Matches:
		case strings.EqualFold(test.Key, issuer.Name+":aud"):
			mistakes = append(mistakes, "it trusts aud "+test.Wants+", this pool is "+r.Web.Audience)
		case strings.EqualFold(test.Key, issuer.Name+":amr"):
			mistakes = append(mistakes, "it trusts amr "+test.Wants+", this login is "+r.Web.AMR[0])
		case test.Element == "principal":
			mistakes = append(mistakes, "it does not trust "+issuer.Name)
		}
	}
	return strings.Join(mistakes, ", and ")
}
