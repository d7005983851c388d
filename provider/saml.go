package provider

import (
	"errors"
	"fmt"
	"time"

	"idpool/provider/saml"
)

// SAML is a SAML 2.0 provider as it is registered with IAM.
type SAML struct {
	ARN      string
	Version  int64 // differs whenever the provider was changed, or made again under its name
	Metadata *saml.Metadata
}

// Of a response that proves nothing. The original's words for SAML are not known; what means the same as of an ID token is
// said with the same words.
const (
	notSAML         = "Invalid login token. Not a valid SAML response."
	isEncrypted     = "Invalid login token. Encrypted SAML assertions are not supported. Switch encryption off at the identity provider."
	notSuccess      = "Invalid login token. The SAML response reports a failure, not a sign-in."
	metadataExpired = "Invalid login token. The metadata of the SAML provider has expired."
)

// SAML verifies a response, in base64 as browsers post it, and returns what its assertion says. Its errors are *Rejected. The
// network is not asked. Whether the assertion was used before is the caller's to see to.
func (v *Verifier) SAML(p *SAML, response string) (*saml.Assertion, error) {
	v.once.Do(v.init)
	now := v.Now()
	key := newTokenKey(p.ARN, p.Version, response)
	if a, ok := v.assertions.get(key); ok {
		if err := errors.Join(p.Metadata.CheckTime(now), a.CheckTime(now)); err != nil {
			return nil, rejectSAML(err, now)
		}
		return a, nil
	}
	recipients := []string{saml.AmazonRecipient}
	if v.SAMLRecipient != "" {
		recipients = append(recipients, v.SAMLRecipient)
	}
	a, err := saml.Verify(p.Metadata, response, saml.Expect{Audience: saml.AmazonAudience, Recipients: recipients, Now: now})
	if err != nil {
		return nil, rejectSAML(err, now)
	}
	v.assertions.put(key, a, now)
	return a, nil
}

// rejectSAML words a *saml.Rejected, which is the cause for the log.
func rejectSAML(err error, now time.Time) error {
	var r *saml.Rejected
	if !errors.As(err, &r) {
		return err
	}
	message, kind := notSAML, r.Kind
	if errors.Is(kind, saml.ErrMisdirected) {
		kind = saml.ErrMisdirected
	}
	switch kind {
	case saml.ErrEncrypted:
		message = isEncrypted
	case saml.ErrNotSuccess:
		message = notSuccess
	case saml.ErrSignature:
		message = badSignature
	case saml.ErrMisdirected:
		message = notSupported
	case saml.ErrNotYetValid:
		message = fmt.Sprintf(notYetValid, now.Unix(), r.Limit.Unix())
	case saml.ErrExpired:
		message = fmt.Sprintf(expired, now.Unix(), r.Limit.Unix())
	case saml.ErrMetadataExpired:
		message = metadataExpired
	}
	return &Rejected{Message: message, Cause: r}
}
