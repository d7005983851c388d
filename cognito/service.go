package cognito

import (
	"io"
	"log/slog"
	"time"

	"idpool/iam"
	"idpool/identity"
	"idpool/issuer"
	"idpool/provider"
	"idpool/store"
	"idpool/sts"
	"idpool/wire"
)

// Service answers the operations. Set the fields, call Init, then use it from any number of goroutines.
type Service struct {
	DB       *store.DB
	Keys     *store.Keyring
	IAM      *iam.Service
	Issuer   *issuer.Issuer
	STS      *sts.Service
	Verifier *provider.Verifier
	Rand     io.Reader
	Log      *slog.Logger
	// Regions are the regions that pools may be in; empty means any, up to MaxRegions in an account.
	Regions []string
	// TokenLifetime is that of the tokens of GetOpenIdToken; issuer.TokenLifetime is the original's.
	TokenLifetime time.Duration
	// Quotas bound sizes; DefaultQuotas are the original's.
	Quotas Quotas
	// Sweep is called after a pool was deleted; it must not wait.
	Sweep func()

	pools  *store.Cache[poolKey, *identity.Pool]
	guests chan struct{} // a place for every guest that is being made
}

// maxNewGuests bounds how many guests are made at once: four batches of the store's writer. Who comes then is sent away
// at once, since anybody can ask for a guest.
const maxNewGuests = 4 * 128

// Init makes the service ready; call it once, after setting the fields.
func (s *Service) Init() (err error) {
	s.guests = make(chan struct{}, maxNewGuests)
	s.pools, err = store.NewCache[poolKey, *identity.Pool](store.CacheBytes)
	return err
}

// API is the table of the operations.
func (s *Service) API() *wire.Service {
	return &wire.Service{
		Name: "cognito-identity", Target: "AWSCognitoIdentityService", Shapes: shapes(), MapError: mapError,
		Operations: s.Operations(),
	}
}

// Operations is the index.
func (s *Service) Operations() []wire.Operation {
	return []wire.Operation{
		wire.Signed("CreateIdentityPool", s.CreateIdentityPool),
		wire.Signed("DeleteIdentities", s.DeleteIdentities),
		wire.Signed("DeleteIdentityPool", s.DeleteIdentityPool),
		wire.Signed("DescribeIdentity", s.DescribeIdentity),
		wire.Signed("DescribeIdentityPool", s.DescribeIdentityPool),
		wire.Public("GetCredentialsForIdentity", s.GetCredentialsForIdentity),
		wire.Public("GetId", s.GetId),
		wire.Signed("GetIdentityPoolRoles", s.GetIdentityPoolRoles),
		wire.Public("GetOpenIdToken", s.GetOpenIdToken),
		wire.Signed("GetOpenIdTokenForDeveloperIdentity", s.GetOpenIdTokenForDeveloperIdentity),
		wire.Signed("GetPrincipalTagAttributeMap", s.GetPrincipalTagAttributeMap),
		wire.Signed("ListIdentities", s.ListIdentities),
		wire.Signed("ListIdentityPools", s.ListIdentityPools),
		wire.Signed("ListTagsForResource", s.ListTagsForResource),
		wire.Signed("LookupDeveloperIdentity", s.LookupDeveloperIdentity),
		wire.Signed("MergeDeveloperIdentities", s.MergeDeveloperIdentities),
		wire.Signed("SetIdentityPoolRoles", s.SetIdentityPoolRoles),
		wire.Signed("SetPrincipalTagAttributeMap", s.SetPrincipalTagAttributeMap),
		wire.Signed("TagResource", s.TagResource),
		wire.Signed("UnlinkDeveloperIdentity", s.UnlinkDeveloperIdentity),
		wire.Public("UnlinkIdentity", s.UnlinkIdentity),
		wire.Signed("UntagResource", s.UntagResource),
		wire.Signed("UpdateIdentityPool", s.UpdateIdentityPool),
	}
}

func scope(c wire.Caller) store.Scope { return store.Scope{Account: c.Account, Region: c.Region} }

// ptr is for members of a reply that may be absent.
func ptr[T any](v T) *T { return &v }

func timestamp(t time.Time) *wire.Time { return &wire.Time{Time: t} }
