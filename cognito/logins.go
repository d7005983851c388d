package cognito

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"idpool/iam"
	"idpool/identity"
	"idpool/issuer"
	"idpool/provider"
)

// proof is a login that a token has proved.
type proof struct {
	login  identity.Login
	name   string // first part of its pair in amr: the provider's name
	detail string // second part
	mapper string // its key in the pool's role mappings
	tagged string // its key in the pool's principal tags
	claims identity.Claims

	assertion *assertion // nil unless it is by SAML

	// What follows is of a token of our own that a developer was given.
	held    bool // it proves a login that the identity has already, and never links one
	tags    map[string]string
	expires int64 // seconds since 1970
}

// verifyTimeout bounds how long a call with several logins waits for their providers.
const verifyTimeout = 4500 * time.Millisecond

// verify is step 2: each login's token. One bad token fails the whole call, and nothing is stored.
func (s *Service) verify(ctx context.Context, v *visit, tokens map[string]string) error {
	if len(tokens) == 0 {
		return nil
	}
	if !v.pool.HasProviders() {
		return notAuthorized("Identity pool - %s does not have identity providers configured.", v.pool.FullID())
	}
	if len(tokens) > 1 { // each provider has its own bound; together they keep to one as well
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, verifyTimeout)
		defer cancel()
	}
	for _, key := range slices.Sorted(maps.Keys(tokens)) {
		p, err := s.verifyLogin(ctx, v, key, tokens[key])
		if err != nil {
			return err
		}
		v.logins = append(v.logins, p)
	}
	return nil
}

// shows tells whether a verified login is the identity's.
func (v *visit) shows(i *identity.Identity) bool {
	return slices.ContainsFunc(v.logins, func(p proof) bool { return slices.Contains(i.Logins, p.login) })
}

// verifyLogin finds the provider that a key of the Logins map means in this pool, and asks it.
func (s *Service) verifyLogin(ctx context.Context, v *visit, key, token string) (p proof, err error) {
	name := providerName(key)
	switch {
	case v.pool.Developer == name && name != "":
		return proof{}, invalidParameter("Please provide a valid public provider.")
	case key == issuer.Name && v.named != nil:
		return s.verifyOwn(ctx, v, token)
	case v.pool.Social[name] != "":
		p, err = s.verifySocial(ctx, name, v.pool.Social[name], token)
	case len(v.pool.Clients(name)) > 0:
		p, err = s.verifyUserPool(ctx, v, name, token)
	case isSAML(key):
		saml, err := s.findSAML(ctx, v, key)
		if err != nil {
			return proof{}, err
		}
		if saml == nil {
			return proof{}, errNotSupported
		}
		return s.verifySAML(saml, token)
	default:
		oidc, err := s.findOIDC(ctx, v, name)
		if err != nil {
			return proof{}, err
		}
		if oidc == nil {
			return proof{}, s.explainLogin(key, token)
		}
		p, err = s.verifyOIDC(ctx, oidc, token)
		return p, s.notOurs(err, token)
	}
	return p, s.notOurs(err, token)
}

// notOurs words what a provider has rejected, where the token is of our own issuer.
func (s *Service) notOurs(err error, token string) error {
	if errors.As(err, new(*provider.Rejected)) && s.isOurs(token) {
		return errCognitoToken
	}
	return err
}

// verifySocial asks a provider that the pool knows by its domain, for the app that the pool has there.
func (s *Service) verifySocial(ctx context.Context, name, app, token string) (proof, error) {
	claims, err := s.Verifier.Social(ctx, name, app, token)
	if err != nil {
		return proof{}, err
	}
	return socialProof(name, app, claims.Subject, claims), nil
}

func socialProof(name, app, subject string, claims identity.Claims) proof {
	public, _, _ := strings.Cut(app, ";") // of an app with a secret (Twitter's) the public part alone
	return proof{
		login: identity.Login{Provider: name, Subject: subject},
		name:  name, detail: name + ":" + public + ":" + subject, mapper: name, tagged: name, claims: claims,
	}
}

// verifyUserPool verifies an ID token of a user pool, and asks whether the user may still sign in where the pool wants that
// for a client that the token is for.
func (s *Service) verifyUserPool(ctx context.Context, v *visit, name, token string) (proof, error) {
	clients := v.pool.Clients(name)
	claims, err := s.Verifier.UserPool(ctx, &provider.UserPool{Name: name, ClientIDs: clients}, token)
	if err != nil {
		return proof{}, err
	}
	mine := func(client string) bool {
		return slices.Contains(claims.Audience, client) || claims.AuthorizedParty == client
	}
	if v.pool.ChecksUsers(name, mine) {
		if err := s.Verifier.CheckUser(ctx, name, claims, token); err != nil {
			return proof{}, err
		}
	}
	client := clients[slices.IndexFunc(clients, mine)]
	return userPoolProof(name, client, claims.Subject, claims), nil
}

func userPoolProof(name, client, subject string, claims identity.Claims) proof {
	return proof{
		login: identity.Login{Provider: name, Subject: subject},
		name:  name, detail: name + ":CognitoSignIn:" + subject, mapper: name + ":" + client, tagged: name, claims: claims,
	}
}

var (
	errCognitoToken = notAuthorized("Invalid login token. Can't pass in a Cognito token.")
	errRevokedToken = notAuthorized("Invalid login token. Token was revoked.")
	errNotSupported = notAuthorized("Token is not from a supported provider of this identity pool.")
)

// isOurs tells whether a token says of itself that it is of our own issuer.
func (s *Service) isOurs(token string) bool {
	iss, _, ok := provider.Peek(token)
	return ok && iss == s.Issuer.URL
}

// explainLogin words why a key of the Logins map means no provider of the pool, from what its token says of itself.
func (s *Service) explainLogin(key, token string) error {
	iss, _, isJWT := provider.Peek(token)
	switch {
	case s.isOurs(token):
		return errCognitoToken
	case key == issuer.Name:
		return notAuthorized("Invalid login token. Not a Cognito token.")
	case !isJWT:
		return notAuthorized("Invalid login token. Not a valid OpenId Connect identity token.")
	case providerName(withoutScheme(iss)) != providerName(key):
		return notAuthorized("Invalid login token. Issuer doesn't match providerName")
	}
	return errNotSupported
}

// withoutScheme is an issuer as Logins maps name it. Some tokens have it so already.
func withoutScheme(iss string) string {
	if _, name, found := strings.Cut(iss, "://"); found {
		return name
	}
	return iss
}

// findOIDC returns the OIDC provider of that name among those that the pool trusts, or nil. Only providers of the pool's
// own account verify logins.
func (s *Service) findOIDC(ctx context.Context, v *visit, name string) (*iam.Provider, error) {
	arn := "arn:aws:iam::" + v.ref.Account + ":oidc-provider/" + name
	if !slices.Contains(v.pool.OIDC, arn) {
		return nil, nil
	}
	p, err := s.IAM.OIDCProvider(ctx, v.ref.Account, v.ref.AccountVersion, arn)
	if errors.Is(err, iam.ErrNoProvider) { // pools may name providers that do not exist
		return nil, nil
	}
	return p, err
}

func (s *Service) verifyOIDC(ctx context.Context, p *iam.Provider, token string) (proof, error) {
	claims, err := s.Verifier.OIDC(ctx, &p.OIDC, token)
	if err != nil {
		return proof{}, err
	}
	return oidcProof(p, claims.Subject, claims), nil
}

func oidcProof(p *iam.Provider, subject string, claims identity.Claims) proof {
	return proof{
		login: identity.Login{Provider: p.Name, Subject: subject},
		name:  p.Name, detail: p.OIDC.ARN + ":OIDC:" + subject, mapper: p.OIDC.ARN, tagged: p.OIDC.ARN, claims: claims,
	}
}

// amr lists how the caller was authenticated, as the token and the trust policy show it.
func (v *visit) amr() []string {
	if len(v.logins) == 0 {
		return []string{"unauthenticated"}
	}
	amr := []string{"authenticated"}
	for _, p := range v.logins {
		if !slices.Contains(amr, p.detail) { // a developer may vouch for a user, and show an earlier token of his
			amr = append(amr, p.name, p.detail)
		}
	}
	return amr
}
