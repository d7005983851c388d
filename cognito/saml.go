package cognito

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"idpool/iam"
	"idpool/identity"
	"idpool/provider"
	"idpool/provider/saml"
	"idpool/store"
	"idpool/wire"
)

// assertion is what a proof by SAML has beside a proof by a token.
type assertion struct {
	hash    [32]byte  // see store.Tx.BindAssertion
	expires time.Time // the last moment at which any node would take it
	roles   []string  // ARNs: what it grants by the provider's own word
}

var errAssertionUsed = &wire.Error{
	Code: "NotAuthorizedException", Message: "Invalid login token. The SAML assertion was used before, for another identity.",
	Cause: store.ErrAssertionUsed,
}

// isSAML tells whether a key of the Logins map names a SAML provider.
func isSAML(key string) bool {
	return strings.HasPrefix(key, "arn:") && strings.Contains(key, ":saml-provider/")
}

// findSAML returns the SAML provider of that ARN if the pool trusts it, or nil. Only providers of the pool's own account
// verify logins.
func (s *Service) findSAML(ctx context.Context, v *visit, arn string) (*provider.SAML, error) {
	if !slices.Contains(v.pool.SAML, arn) {
		return nil, nil
	}
	p, err := s.IAM.SAMLProvider(ctx, v.ref.Account, v.ref.AccountVersion, arn)
	if errors.Is(err, iam.ErrNoProvider) { // pools may name providers that do not exist
		return nil, nil
	}
	return p, err
}

// verifySAML verifies a response. That its assertion is used for one identity alone is seen to in admit.
func (s *Service) verifySAML(p *provider.SAML, response string) (proof, error) {
	a, err := s.Verifier.SAML(p, response)
	if err != nil {
		return proof{}, err
	}
	// By its issuer, not by our name for it: an identity provider may be known under several names, and in several accounts.
	used := &assertion{hash: sha256.Sum256([]byte(a.Issuer + "\x00" + a.ID)), expires: a.NotOnOrAfter.Add(saml.Grace)}
	for _, r := range a.Roles() {
		if r.Provider == p.ARN {
			used.roles = append(used.roles, r.Role)
		}
	}
	proved := samlProof(p.ARN, a.Subject, a)
	proved.assertion = used
	return proved, nil
}

func samlProof(arn, subject string, claims identity.Claims) proof {
	return proof{
		login: identity.Login{Provider: arn, Subject: subject},
		name:  arn, detail: arn + ":SAML:" + subject, mapper: arn, tagged: arn, claims: claims,
	}
}

// assertionsAreOf tells whether all assertions that were shown are bound to an identity, so that nothing needs to be
// written. One that is bound to another is refused.
func (s *Service) assertionsAreOf(ctx context.Context, v *visit, id identity.ID) (bool, error) {
	if !slices.ContainsFunc(v.logins, proof.isAssertion) {
		return true, nil
	}
	all := false
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all = true
		for _, p := range v.logins {
			if !p.isAssertion() {
				continue
			}
			b, err := tx.Assertion(p.assertion.hash)
			switch {
			case errors.Is(err, store.ErrNotFound):
				all = false
				continue
			case err != nil:
				return err
			case b.Pool != v.ref.Key || b.Identity != id:
				return errAssertionUsed
			}
			all = all && !p.assertion.expires.After(b.Expires)
		}
		return nil
	})
	return all, err
}

func (p proof) isAssertion() bool { return p.assertion != nil }

// bindAssertions ties the assertions that were shown to the identity that they were shown for. It belongs into the Update
// that read the identity, before identities merge: a merge takes bindings along, and whoever has shown an assertion for one
// identity must not merge by it.
func (v *visit) bindAssertions(tx *store.Tx, id identity.ID) error {
	for _, p := range v.logins {
		if !p.isAssertion() {
			continue
		}
		err := tx.BindAssertion(p.assertion.hash, v.ref.Key, id, p.assertion.expires)
		if errors.Is(err, store.ErrAssertionUsed) {
			return errAssertionUsed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refuseSAML is for the classic flow: what it hands out knows nothing of the roles in an assertion.
func (v *visit) refuseSAML(logins map[string]string) error {
	for key := range logins {
		if slices.Contains(v.pool.SAML, key) {
			return invalidParameter("Basic (classic) flow is not supported with SAML providers, please use enhanced flow.")
		}
	}
	return nil
}
