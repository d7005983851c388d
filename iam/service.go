package iam

import (
	"encoding/base32"
	"io"
	"log/slog"
	"time"

	"idpool/policy"
	"idpool/provider"
	"idpool/store"
	"idpool/wire"
)

// Service answers the IAM operations. Set the fields and call New's result from any number of goroutines.
type Service struct {
	DB     *store.DB
	Master *store.Master
	Now    func() time.Time
	Rand   io.Reader
	Log    *slog.Logger

	// FirstAccount is the account that the deployment was made with; its root may make others.
	FirstAccount string
	// Static are root keys that are valid on this node alone and never stored.
	Static []StaticKey
	// CheckIssuer says whether a URL may be registered as an outside provider's issuer: its form, not its address.
	CheckIssuer func(url string) error

	roles      *store.Cache[cacheKey, *Role]
	providers  *store.Cache[cacheKey, *Provider]
	saml       *store.Cache[cacheKey, *provider.SAML]
	principals *store.Cache[principalKey, *Principal]
	managed    *store.Cache[cacheKey, *policy.Policy]
}

// Init makes the service ready; call it once, after setting the fields.
func (s *Service) Init() error {
	var err error
	if s.roles, err = store.NewCache[cacheKey, *Role](store.CacheBytes); err != nil {
		return err
	}
	if s.providers, err = store.NewCache[cacheKey, *Provider](store.CacheBytes); err != nil {
		return err
	}
	if s.principals, err = store.NewCache[principalKey, *Principal](store.CacheBytes); err != nil {
		return err
	}
	if s.managed, err = store.NewCache[cacheKey, *policy.Policy](store.CacheBytes); err != nil {
		return err
	}
	s.saml, err = store.NewCache[cacheKey, *provider.SAML](store.CacheBytes)
	return err
}

// API is the table of the IAM operations.
func (s *Service) API() *wire.Service {
	return &wire.Service{
		Name: "iam", Version: "2010-05-08", Namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
		Shapes: shapes(), MapError: mapError, Unforeseen: "ServiceFailure", Admit: notOfUser,
		Operations: s.operations(),
	}
}

// uniqueID draws an id of the form that IAM gives: a prefix for the kind of thing, then letters and digits of base32 up to
// the given length.
func uniqueID(random io.Reader, prefix string, length int) (string, error) {
	b := make([]byte, 15)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", err
	}
	return (prefix + base32.StdEncoding.EncodeToString(b))[:length], nil
}

// parsePolicy refuses a document before it is stored: what can be stored can be evaluated.
func parsePolicy(kind policy.Kind, document string) (*policy.Policy, error) {
	p, err := policy.Parse(kind, document)
	if err != nil {
		return nil, &wire.Error{Code: "MalformedPolicyDocument", Message: err.Error()}
	}
	return p, nil
}
