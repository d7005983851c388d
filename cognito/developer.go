package cognito

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"idpool/identity"
	"idpool/issuer"
	"idpool/store"
	"idpool/wire"
)

// maxDeveloperUser is how long a developer's identifier of a user may be, in bytes. The model's 1,024 characters would be
// three times as many in some scripts, and a session token has no room for them.
const maxDeveloperUser = 1024

// defaultTokenDuration is how long a developer's token lives unless he says otherwise.
const defaultTokenDuration = 15 * time.Minute

// GetOpenIdTokenForDeveloperIdentityInput is the input of GetOpenIdTokenForDeveloperIdentity.
type GetOpenIdTokenForDeveloperIdentityInput struct {
	IdentityPoolId string            `api:"IdentityPoolId,required"`
	IdentityId     string            `api:"IdentityId"`
	Logins         map[string]string `api:"LoginsMap,required"`
	PrincipalTags  map[string]string `api:"PrincipalTags"`
	TokenDuration  int64             `api:"TokenDuration"` // seconds
}

// GetOpenIdTokenForDeveloperIdentityOutput is the output of GetOpenIdTokenForDeveloperIdentity.
type GetOpenIdTokenForDeveloperIdentityOutput struct {
	IdentityId string
	Token      string
}

// GetOpenIdTokenForDeveloperIdentity gives a token for a user whom the developer's own backend has signed in: it vouches for
// him by its signature on the call. Logins of other providers may be shown beside, and are verified and linked.
func (s *Service) GetOpenIdTokenForDeveloperIdentity(ctx context.Context, c wire.Caller, in *GetOpenIdTokenForDeveloperIdentityInput) (*GetOpenIdTokenForDeveloperIdentityOutput, error) {
	if err := s.may(ctx, c, "GetOpenIdTokenForDeveloperIdentity", in.IdentityPoolId); err != nil {
		return nil, err
	}
	if err := checkTagKeys(in.PrincipalTags); err != nil {
		return nil, err
	}
	v, err := s.findForDeveloper(ctx, c, in)
	if err != nil {
		return nil, err
	}
	vouched, err := v.vouched(in.Logins)
	if err != nil {
		return nil, err
	}
	others := maps.Clone(in.Logins)
	delete(others, v.pool.Developer)
	if err := s.verify(ctx, v, others); err != nil {
		return nil, err
	}
	for i := range v.logins { // an earlier token of ours may prove a login, but the developer says anew what the tags are
		v.logins[i].tags = nil
	}
	vouched.tags = in.PrincipalTags
	v.logins = append([]proof{vouched}, v.logins...)
	tags, err := v.tags()
	if err != nil {
		return nil, err
	}
	admitted, err := s.admit(ctx, v)
	if err != nil {
		return nil, err
	}
	lifetime := defaultTokenDuration
	if in.TokenDuration > 0 {
		lifetime = time.Duration(in.TokenDuration) * time.Second
	}
	token, err := s.mint(ctx, v, admitted, tags, lifetime, 0)
	if err != nil {
		return nil, err
	}
	return &GetOpenIdTokenForDeveloperIdentityOutput{IdentityId: admitted.ID.In(v.ref.Region), Token: token}, nil
}

// findForDeveloper is step 1 of the developer's call: the pool, if it is his, and the identity, if he names one, as of one
// moment.
func (s *Service) findForDeveloper(ctx context.Context, c wire.Caller, in *GetOpenIdTokenForDeveloperIdentityInput) (*visit, error) {
	v := &visit{asked: in.IdentityId, asking: claimedUsers(in.Logins)}
	pool, ok := localID(in.IdentityPoolId, c.Region)
	if !ok {
		return nil, noPool(in.IdentityPoolId)
	}
	named, ok := localID(in.IdentityId, c.Region)
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		v.ref, v.owners, err = tx.FindPool(c.Region, pool, v.asking)
		switch {
		case err == nil && v.ref.Account != c.Account:
			return noPool(in.IdentityPoolId)
		case err != nil:
			return orNotFound(err, noPool(in.IdentityPoolId))
		case in.IdentityId == "":
			return nil
		case !ok:
			return noIdentity(in.IdentityId)
		}
		v.named, err = tx.Identity(v.ref.Key, named)
		return orNotFound(err, noIdentity(in.IdentityId))
	})
	if err != nil {
		return nil, err
	}
	v.pool, err = s.settings(ctx, v.ref)
	return v, orNotFound(err, noPool(in.IdentityPoolId)) // deleted a moment ago
}

// vouched is the login that the developer's signature proves.
func (v *visit) vouched(logins map[string]string) (proof, error) {
	user, shown := logins[v.pool.Developer]
	switch {
	case v.pool.Developer == "":
		return proof{}, invalidParameter("The identity pool has no developer provider. Set its DeveloperProviderName first.")
	case !shown:
		return proof{}, invalidParameter("Logins must name the developer provider of the identity pool, %s.", v.pool.Developer)
	case len(user) > maxDeveloperUser:
		return proof{}, invalidParameter("A developer user identifier can have at most %d bytes.", maxDeveloperUser)
	}
	return v.developerProof(user), nil
}

func (v *visit) developerProof(user string) proof {
	name := v.pool.Developer
	return proof{login: identity.Login{Provider: name, Subject: user}, name: name, detail: v.developerDetail() + user}
}

// developerDetail begins the detail of a developer's login in amr: the provider and the pool; the user follows.
func (v *visit) developerDetail() string { return v.pool.Developer + ":" + v.pool.FullID() + ":" }

// verifyOwn takes a token that this server has given out for a developer's user. It is good for the identity that it names,
// as long as that still has one of the identifiers in it.
func (s *Service) verifyOwn(ctx context.Context, v *visit, token string) (proof, error) {
	claims, err := s.Issuer.Verify(ctx, token)
	switch {
	case errors.Is(err, issuer.ErrExpired):
		return proof{}, notAuthorized("Invalid login token. Token is expired.")
	case errors.Is(err, issuer.ErrToken):
		return proof{}, notAuthorized("Invalid login token. Not a Cognito token.")
	case err != nil:
		return proof{}, err
	case v.named.Disabled:
		return proof{}, refusal(identity.Forbidden, v.asked)
	case claims.Subject != v.named.ID.In(v.ref.Region) || claims.Audience != v.pool.FullID() || v.pool.Developer == "":
		return proof{}, refusal(identity.NoLoginMatches, v.asked)
	case !slices.Equal(claims.Epochs, issuer.EpochsOf(v.ref.Epoch, v.named.Epoch)):
		return proof{}, errRevokedToken
	}
	for i := 1; i+1 < len(claims.AMR); i += 2 { // pairs, behind "authenticated"
		user, ok := strings.CutPrefix(claims.AMR[i+1], v.developerDetail())
		if !ok || claims.AMR[i] != v.pool.Developer {
			continue
		}
		p := v.developerProof(user)
		p.held, p.expires, p.tags = true, claims.Expires, claims.Tags.Map()
		if slices.Contains(v.named.Logins, p.login) {
			return p, nil
		}
	}
	return proof{}, refusal(identity.NoLoginMatches, v.asked)
}

// holds tells whether the identity, read anew, still has the logins that were only good as its own.
func (v *visit) holds(named *identity.Identity) bool {
	return !slices.ContainsFunc(v.logins, func(p proof) bool { return p.held && !slices.Contains(named.Logins, p.login) })
}

// LookupDeveloperIdentityInput is the input of LookupDeveloperIdentity.
type LookupDeveloperIdentityInput struct {
	IdentityPoolId          string `api:"IdentityPoolId,required"`
	IdentityId              string `api:"IdentityId"`
	DeveloperUserIdentifier string `api:"DeveloperUserIdentifier"`
	MaxResults              int    `api:"QueryLimit"`
	NextToken               string `api:"PaginationKey"`
}

// LookupDeveloperIdentityOutput is the output of LookupDeveloperIdentity.
type LookupDeveloperIdentityOutput struct {
	IdentityId                  string
	DeveloperUserIdentifierList []string
	NextToken                   string `json:",omitempty"`
}

// maxLookup is how many identifiers a page has unless the caller says otherwise; the original's figure is not known.
const maxLookup = 60

// LookupDeveloperIdentity finds the identity of a developer's identifier, or the identifiers of an identity by pages, in
// the order of their bytes. Both together are compared, and answered as they were sent.
func (s *Service) LookupDeveloperIdentity(ctx context.Context, c wire.Caller, in *LookupDeveloperIdentityInput) (*LookupDeveloperIdentityOutput, error) {
	if err := s.may(ctx, c, "LookupDeveloperIdentity", in.IdentityPoolId); err != nil {
		return nil, err
	}
	if in.IdentityId == "" && in.DeveloperUserIdentifier == "" {
		return nil, invalidParameter("Give an IdentityId or a DeveloperUserIdentifier.")
	}
	var found *identity.Identity
	var users []string
	err := s.viewPool(ctx, c, in.IdentityPoolId, func(tx *store.Tx, pool *identity.Pool) (err error) {
		if found, err = lookup(tx, pool, in); err != nil {
			return err
		}
		users = identifiers(found, pool.Developer)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &LookupDeveloperIdentityOutput{IdentityId: found.ID.In(c.Region)}
	book := s.book(c, "LookupDeveloperIdentity", in.IdentityPoolId+"\x00"+found.ID.UUID())
	after, err := book.open(ctx, in.NextToken)
	if err != nil {
		return nil, err
	}
	if in.IdentityId != "" && in.DeveloperUserIdentifier != "" {
		out.DeveloperUserIdentifierList = []string{in.DeveloperUserIdentifier}
		return out, nil
	}
	users = slices.DeleteFunc(users, func(u string) bool { return after != nil && u <= string(after) })
	if size := pageSize(in.MaxResults); len(users) > size {
		users = users[:size]
		if out.NextToken, err = book.seal([]byte(users[size-1])); err != nil {
			return nil, err
		}
	}
	out.DeveloperUserIdentifierList = users
	return out, nil
}

func pageSize(asked int) int {
	if asked == 0 {
		return maxLookup
	}
	return asked
}

// lookup finds the identity that a LookupDeveloperIdentity is about.
func lookup(tx *store.Tx, pool *identity.Pool, in *LookupDeveloperIdentityInput) (*identity.Identity, error) {
	if in.IdentityId == "" {
		return developerUser(tx, pool, in.DeveloperUserIdentifier)
	}
	named, err := identityOfPool(tx, pool, in.IdentityId)
	if err != nil {
		return nil, err
	}
	login := identity.Login{Provider: pool.Developer, Subject: in.DeveloperUserIdentifier}
	if in.DeveloperUserIdentifier != "" && !slices.Contains(named.Logins, login) {
		return nil, conflict("The developer user identifier does not belong to the identity.")
	}
	return named, nil
}

// identifiers lists a developer's identifiers of an identity, in the order of their bytes.
func identifiers(i *identity.Identity, developer string) []string {
	users := []string{}
	for _, l := range i.Logins {
		if l.Provider == developer && developer != "" {
			users = append(users, l.Subject)
		}
	}
	slices.Sort(users)
	return users
}

// developerUser finds the identity that a developer's identifier belongs to.
func developerUser(tx *store.Tx, pool *identity.Pool, user string) (*identity.Identity, error) {
	owner, err := tx.Owner(pool.Key, identity.Login{Provider: pool.Developer, Subject: user})
	if err != nil {
		return nil, orNotFound(err, notFound("The developer user identifier belongs to no identity of the pool."))
	}
	return owner, nil
}

// identityOfPool finds an identity of a pool by its id.
func identityOfPool(tx *store.Tx, pool *identity.Pool, fullID string) (*identity.Identity, error) {
	id, ok := localID(fullID, pool.Region)
	if !ok {
		return nil, noIdentity(fullID)
	}
	named, err := tx.Identity(pool.Key, id)
	if err != nil {
		return nil, orNotFound(err, noIdentity(fullID))
	}
	return named, nil
}

// isDeveloper refuses a provider that is not the pool's developer provider.
func isDeveloper(pool *identity.Pool, name string) error {
	if pool.Developer == "" || name != pool.Developer {
		return invalidParameter("%s is not the developer provider of the identity pool.", name)
	}
	return nil
}

// MergeDeveloperIdentitiesInput is the input of MergeDeveloperIdentities.
type MergeDeveloperIdentitiesInput struct {
	SourceUserIdentifier      string `api:"DeveloperUserIdentifier,required"`
	DestinationUserIdentifier string `api:"DeveloperUserIdentifier,required"`
	DeveloperProviderName     string `api:"DeveloperProviderName,required"`
	IdentityPoolId            string `api:"IdentityPoolId,required"`
}

// MergeDeveloperIdentitiesOutput is the output of MergeDeveloperIdentities.
type MergeDeveloperIdentitiesOutput struct {
	IdentityId string
}

// MergeDeveloperIdentities lets the identity of one identifier take in that of another, with all its logins.
func (s *Service) MergeDeveloperIdentities(ctx context.Context, c wire.Caller, in *MergeDeveloperIdentitiesInput) (*MergeDeveloperIdentitiesOutput, error) {
	if err := s.may(ctx, c, "MergeDeveloperIdentities", in.IdentityPoolId); err != nil {
		return nil, err
	}
	var merged identity.ID
	err := s.changePool(ctx, c, in.IdentityPoolId, func(tx *store.Tx, pool *identity.Pool) error {
		if err := isDeveloper(pool, in.DeveloperProviderName); err != nil {
			return err
		}
		source, err := developerUser(tx, pool, in.SourceUserIdentifier)
		if err != nil {
			return err
		}
		destination, err := developerUser(tx, pool, in.DestinationUserIdentifier)
		if err != nil {
			return err
		}
		plan, err := identity.Merge(destination, source, pool.Developer, s.Quotas.LinkedLogins)
		var refused identity.Refusal
		switch {
		case errors.As(err, &refused):
			return refusal(refused, destination.ID.In(pool.Region))
		case err != nil:
			return err
		}
		merged = plan.Identity
		return carryOut(tx, pool.Key, &plan)
	})
	if err != nil {
		return nil, err
	}
	return &MergeDeveloperIdentitiesOutput{IdentityId: merged.In(c.Region)}, nil
}

// UnlinkDeveloperIdentityInput is the input of UnlinkDeveloperIdentity.
type UnlinkDeveloperIdentityInput struct {
	IdentityId              string `api:"IdentityId,required"`
	IdentityPoolId          string `api:"IdentityPoolId,required"`
	DeveloperProviderName   string `api:"DeveloperProviderName,required"`
	DeveloperUserIdentifier string `api:"DeveloperUserIdentifier,required"`
}

// UnlinkDeveloperIdentity takes an identifier from its identity: at its next sight it is a new user. An identity that has
// lost its last login is closed for good.
func (s *Service) UnlinkDeveloperIdentity(ctx context.Context, c wire.Caller, in *UnlinkDeveloperIdentityInput) (*wire.Nothing, error) {
	if err := s.may(ctx, c, "UnlinkDeveloperIdentity", in.IdentityPoolId); err != nil {
		return nil, err
	}
	login := identity.Login{Provider: in.DeveloperProviderName, Subject: in.DeveloperUserIdentifier}
	return nil, s.changePool(ctx, c, in.IdentityPoolId, func(tx *store.Tx, pool *identity.Pool) error {
		if err := isDeveloper(pool, in.DeveloperProviderName); err != nil {
			return err
		}
		named, err := identityOfPool(tx, pool, in.IdentityId)
		if err != nil {
			return err
		}
		if !slices.Contains(named.Logins, login) {
			if _, err := developerUser(tx, pool, login.Subject); err != nil {
				return err
			}
			return conflict("The developer user identifier does not belong to the identity.")
		}
		return unlink(tx, named, identity.Unlink(named, func(l identity.Login) bool { return l == login }))
	})
}
