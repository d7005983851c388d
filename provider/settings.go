package provider

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// social are the kinds of providers that a pool names by a domain (SupportedLoginProviders), and how a token of each is
// verified for the app that the pool was given. A function asks under v.Settings[name].Endpoint where that is set.
var social = map[string]func(v *Verifier, ctx context.Context, app, token string) (*Claims, error){
	google:   (*Verifier).google,
	apple:    (*Verifier).apple,
	facebook: (*Verifier).facebook,
	amazon:   (*Verifier).amazon,
	twitter:  (*Verifier).twitter,
	digits:   (*Verifier).digits,
}

// Social verifies a token of a provider that is known by its domain, for the app id that the pool has for it. Its errors
// are *Rejected and *Unavailable. What the token is depends on the provider: an ID token of Google and Apple, an access
// token of others.
func (v *Verifier) Social(ctx context.Context, name, app, token string) (*Claims, error) {
	v.once.Do(v.init)
	verify := social[name]
	if verify == nil {
		return nil, reject(notSupported, "nobody here knows tokens of "+name)
	}
	return verify(v, ctx, app, token)
}

// Settings are what the operator says of providers, by name: a social provider's domain, a user pool
// (cognito-idp.REGION.amazonaws.com/POOLID), or all user pools of a region at once (cognito-idp.REGION.amazonaws.com),
// which a pool's own settings replace as a whole. They stay as they are while a Verifier uses them.
//
// Hosts of URLs in here may be asked by http, and may be loopback or private addresses, since no stranger wrote them; but
// only on behalf of the provider they stand under.
type Settings map[string]Setting

// Setting is what the operator says of one provider.
type Setting struct {
	// Endpoint is the URL that takes the place of the provider's own, https://NAME (of a user pool without its id, which is
	// put behind it: http://localhost:5000 for keys at http://localhost:5000/POOLID/.well-known/jwks.json).
	Endpoint string `yaml:"endpoint"`
	// Issuer is the iss of its ID tokens, where a local server issues under a name of its own. For all user pools of a
	// region it is what stands before /POOLID.
	Issuer string `yaml:"issuer"`
	// Check asks whether a user may still sign in; only user pools have it.
	Check *Check `yaml:"check"`
	// Secrets are those of Facebook apps, by app id, with which the app itself asks about tokens: so one call is enough for
	// every user.
	Secrets map[string]string `yaml:"secrets"`
	// LimitedLogin takes the ID tokens of Facebook's Limited Login too.
	LimitedLogin bool `yaml:"limited-login"`
}

// userPoolName is cognito-idp.REGION.amazonaws.com/POOLID, or without the id the pools of a region.
var userPoolName = regexp.MustCompile(`^cognito-idp\.([a-z0-9-]+)\.amazonaws\.com(/[a-z0-9-]+_[A-Za-z0-9]+)?$`)

// Validate tells what is wrong with the settings and how to write them. The network is not asked.
func (s Settings) Validate() error {
	for name, setting := range s {
		if err := setting.validate(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (s *Setting) validate(name string) error {
	isPool, idTokens := userPoolName.MatchString(name), name == google || name == apple
	switch {
	case !isPool && social[name] == nil:
		return errors.New("no provider of this name has settings; write the domain of a social provider, such as " +
			"accounts.google.com, or a user pool as cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE")
	case s.Issuer != "" && !isPool && !idTokens:
		return errors.New("issuer: only user pools, Google and Apple have ID tokens; leave it out")
	case s.Issuer != "" && s.Endpoint == "":
		return errors.New("issuer: give the endpoint as well that issues under this name")
	case s.Issuer != "" && (!strings.Contains(s.Issuer, "://") || strings.ContainsFunc(s.Issuer, func(r rune) bool { return r <= ' ' })):
		return errors.New("issuer: write it as it stands in iss of the tokens, with its scheme, such as http://localhost:5000")
	case (s.Secrets != nil || s.LimitedLogin) && name != facebook:
		return errors.New("secrets and limited-login: only " + facebook + " has them; leave them out")
	case !areSecrets(s.Secrets):
		return errors.New("secrets: write APPID: SECRET, both as Facebook's dashboard shows them")
	case s.Check != nil && !isPool:
		return errors.New("check: only user pools have it; leave it out")
	}
	if s.Endpoint != "" {
		if err := checkNamedURL(s.Endpoint); err != nil {
			return fmt.Errorf("endpoint: %w", err)
		}
		if strings.ContainsAny(s.Endpoint, "?{}") {
			return errors.New("endpoint: write it without a query, such as http://localhost:5000")
		}
	}
	if s.Check == nil {
		return nil
	}
	if err := s.Check.validate(); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return nil
}

// checkNamedURL holds for URLs that the operator writes.
func checkNamedURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || strings.ContainsAny(u.Host, "{}") {
		return errors.New("write an absolute URL, such as http://localhost:5000")
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil && within(carried(addr.WithZone("").Unmap()), never) {
		return fmt.Errorf("%s is never dialled; name another address", u.Hostname())
	}
	if (&Network{}).naming(raw).checkURL(raw) != nil {
		return errors.New("write an absolute http or https URL without user and fragment, such as http://localhost:5000")
	}
	return nil
}

// of returns the settings of a provider and the name that they stand under; the zero Setting, under the provider's own
// name, where nothing is said of it.
func (s Settings) of(name string) (under string, setting Setting) {
	if setting, ok := s[name]; ok {
		return name, setting
	}
	region, pool, found := strings.Cut(name, "/")
	if setting, ok := s[region]; ok && found {
		if setting.Issuer != "" {
			setting.Issuer = strings.TrimSuffix(setting.Issuer, "/") + "/" + pool
		}
		return region, setting
	}
	return name, Setting{}
}

// network says where calls on behalf of a provider may go: anywhere that is open to all, and to the hosts that the
// operator named for it.
func (v *Verifier) network(name string) *Network {
	_, s := v.Settings.of(name)
	urls := []string{s.Endpoint}
	if s.Check != nil {
		urls = append(urls, s.Check.URL)
	}
	return v.Network.naming(urls...)
}
