package sts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"idpool/iam"
	"idpool/policy"
	"idpool/provider"
	"idpool/store"
	"idpool/wire"
)

// Names of claims that mean something to STS ("Passing session tags", IAM guide). The tags are an object, or stand each in a
// claim of its own behind the prefix.
const (
	tagsClaim   = "https://aws.amazon.com/tags"
	sourceClaim = "https://aws.amazon.com/source_identity"
)

// foreignToken reads who is said to have issued a token, and until when. Nothing of it is verified. Ok is false for tokens
// that say to be ours, and for what is no token.
func (s *Service) foreignToken(token string) (claims jwt.RegisteredClaims, ok bool) {
	_, _, err := jwt.NewParser().ParseUnverified(token, &claims)
	return claims, err == nil && claims.Issuer != "" && claims.Issuer != s.Issuer.URL
}

// assumeForeign is AssumeRoleWithWebIdentity by a token of an OpenID Connect provider of the role's account.
func (s *Service) assumeForeign(ctx context.Context, in *AssumeRoleWithWebIdentityInput, unverified jwt.RegisteredClaims) (*AssumeRoleWithWebIdentityOutput, error) {
	account, err := roleAccount(in.RoleArn)
	if err != nil {
		return nil, err
	}
	p, version, err := s.oidcProvider(ctx, account, unverified.Issuer)
	if err != nil {
		return nil, err
	}
	claims, err := s.Verifier.OIDC(ctx, &p.OIDC, in.WebIdentityToken)
	if err != nil {
		return nil, s.wordRejected(err, unverified)
	}
	f := &federation{
		action: "sts:AssumeRoleWithWebIdentity", account: account, version: version, roleARN: in.RoleArn, sessionName: in.RoleSessionName,
		policy: in.Policy, policies: in.PolicyArns, asked: time.Duration(in.DurationSeconds) * time.Second,
		keys: claimKeys(p.Name, claims),
		who:  Federated{Provider: p.OIDC.ARN, Subject: claims.Subject, Audience: audience(p, claims), AMR: texts(claims, "amr")},
	}
	if f.passage, err = claimedPassage(claims); err != nil {
		return nil, err
	}
	assumed, err := s.federate(ctx, f)
	if err != nil {
		return nil, err
	}
	return &AssumeRoleWithWebIdentityOutput{
		Credentials: assumed.Credentials, SubjectFromWebIdentityToken: claims.Subject, AssumedRoleUser: assumed.user(in.RoleSessionName),
		PackedPolicySize: assumed.Packed, Provider: p.OIDC.ARN, Audience: f.who.Audience, SourceIdentity: f.passage.source,
	}, nil
}

// oidcProvider finds the provider of an account that has an issuer, by the name that it is registered under.
func (s *Service) oidcProvider(ctx context.Context, account, issuer string) (*iam.Provider, int64, error) {
	name := issuer
	if _, rest, found := strings.Cut(issuer, "://"); found {
		name = rest
	}
	version, err := s.accountVersion(ctx, account)
	if err == nil && strings.ContainsRune(name, 0) { // which PostgreSQL takes in no text
		err = iam.ErrNoProvider
	}
	if err == nil {
		var p *iam.Provider
		p, err = s.IAM.OIDCProvider(ctx, account, version, "arn:aws:iam::"+account+":oidc-provider/"+strings.TrimSuffix(name, "/"))
		if err == nil {
			return p, version, nil
		}
	}
	if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, iam.ErrNoProvider) {
		return nil, 0, err
	}
	if u, err := url.Parse(issuer); err != nil || u.Host == "" {
		return nil, 0, invalidToken("Issuer must be a valid URL")
	}
	return nil, 0, invalidToken("No OpenIDConnect provider found in your account for " + cut(issuer))
}

// maxShown is how much of what a stranger wrote an error repeats, in bytes.
const maxShown = 1024

func cut(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:maxShown], "")
}

// wordRejected words what the verifier says of an ID token in STS's own texts.
func (s *Service) wordRejected(err error, token jwt.RegisteredClaims) error {
	var rejected *provider.Rejected
	var unavailable *provider.Unavailable
	switch {
	case errors.As(err, &unavailable):
		return &wire.Error{Code: "IDPCommunicationError", Message: "The identity provider could not be asked for its keys. Try again later.", Cause: err}
	case !errors.As(err, &rejected):
		return err
	}
	refused := &wire.Error{Code: "InvalidIdentityToken", Cause: rejected.Cause}
	switch rejected.Reason() {
	case provider.TooOld:
		refused.Code = "ExpiredTokenException"
		refused.Message = "Token expired"
		if token.ExpiresAt != nil {
			refused.Message = expiredText(s.Now().Unix(), token.ExpiresAt.Unix())
		}
	case provider.WrongAudience:
		refused.Message = "Incorrect token audience"
	case provider.BadSignature:
		refused.Message = noVerificationKey
	case provider.TooEarly, provider.MissingClaim:
		refused.Message = strings.TrimPrefix(rejected.Message, "Invalid login token. ")
	default:
		refused.Message = noJWT
	}
	return refused
}

func expiredText(now, expires int64) string {
	return fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", now, expires)
}

func expired(message string) error {
	return &wire.Error{Code: "ExpiredTokenException", Message: message}
}

// rejectedClaim says that the provider itself reports a failure.
func rejectedClaim(message string, cause error) error {
	return &wire.Error{Code: "IDPRejectedClaim", Status: http.StatusForbidden, Message: message, Cause: cause}
}

// audience is the one audience of a token that it was taken for: the party that it was issued to, where it names one.
func audience(p *iam.Provider, c *provider.Claims) string {
	if c.AuthorizedParty != "" {
		return c.AuthorizedParty
	}
	for _, a := range c.Audience {
		if slices.Contains(p.OIDC.ClientIDs, a) {
			return a
		}
	}
	return "" // not reached by claims that the verifier has taken
}

// claimKeys are the condition keys of a token, behind the provider's name. As for Google's tokens in the guide, aud is the
// party that a token was issued to where it names one, and oaud what it calls aud then. Every other claim that is a text, a
// number, a truth value or a list of texts is one by its own name.
func claimKeys(name string, c *provider.Claims) policy.Context {
	keys := policy.Context{{Key: name + ":sub", Values: []string{c.Subject}}}
	if c.AuthorizedParty == "" {
		keys = append(keys, policy.Pair{Key: name + ":aud", Values: c.Audience})
	} else {
		keys = append(keys, policy.Pair{Key: name + ":aud", Values: []string{c.AuthorizedParty}}, policy.Pair{Key: name + ":oaud", Values: c.Audience})
	}
	for claim, value := range c.All() {
		switch claim {
		case "sub", "aud", "oaud":
			continue
		}
		if values := claimTexts(value); len(values) > 0 {
			keys = append(keys, policy.Pair{Key: name + ":" + claim, Values: values})
		}
	}
	return keys
}

// texts are the values of a claim, nil for one that is not there or is no text.
func texts(c *provider.Claims, claim string) []string {
	value, _ := c.Claim(claim)
	return claimTexts(value)
}

func claimTexts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case bool, json.Number:
		return []string{fmt.Sprint(v)}
	case []any:
		var all []string
		for _, member := range v {
			text, ok := member.(string)
			if !ok {
				return nil
			}
			all = append(all, text)
		}
		return all
	}
	return nil
}

// claimedPassage reads the session tags and the source identity that a token brings.
func claimedPassage(c *provider.Claims) (passage, error) {
	p := passage{tags: make(map[string]string)}
	var problem string
	for claim, value := range c.All() {
		var bad string
		switch {
		case claim == tagsClaim:
			bad = p.readTags(value)
		case strings.HasPrefix(claim, tagsClaim+"/principal_tags/"):
			bad = p.readTag(strings.TrimPrefix(claim, tagsClaim+"/principal_tags/"), value)
		case claim == tagsClaim+"/transitive_tag_keys":
			bad = p.readTransitive(value)
		case claim == sourceClaim:
			p.source, _ = value.(string)
			if !sourceForm.MatchString(p.source) {
				bad = badSource
			}
		}
		problem = max(problem, bad) // the same one whatever the order
	}
	if problem != "" {
		return p, invalidToken(problem)
	}
	p.transitive = inTheirSpelling(p.tags, p.asked)
	if problem := tagProblem(p.tags, p.transitive); problem != "" {
		return p, invalidParameter(problem)
	}
	return p, nil
}

const (
	badTags   = "The claim " + tagsClaim + " must have principal_tags, each a list of one text, and may have transitive_tag_keys, a list of texts."
	badSource = `Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"`
)

// readTags reads the claim that is an object.
func (p *passage) readTags(value any) (problem string) {
	object, ok := value.(map[string]any)
	if !ok {
		return badTags
	}
	if keys, there := object["transitive_tag_keys"]; there {
		problem = p.readTransitive(keys)
	}
	tags, ok := object["principal_tags"].(map[string]any)
	if !ok && object["principal_tags"] != nil {
		return badTags
	}
	for key, value := range tags {
		problem = max(problem, p.readTag(key, value))
	}
	return problem
}

func (p *passage) readTag(key string, value any) (problem string) {
	values := claimTexts(value)
	if _, twice := p.tags[key]; twice || len(values) != 1 {
		return badTags
	}
	p.tags[key] = values[0]
	return ""
}

func (p *passage) readTransitive(value any) (problem string) {
	list, ok := value.([]any)
	keys := claimTexts(value)
	if !ok || len(keys) != len(list) {
		return badTags
	}
	p.asked = append(p.asked, keys...)
	return ""
}
