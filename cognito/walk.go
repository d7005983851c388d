package cognito

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"idpool/identity"
	"idpool/provider"
	"idpool/store"
	"idpool/wire"
)

// visit is a public call on its way.
type visit struct {
	ref    store.PoolRef
	pool   *identity.Pool
	getID  bool               // the call is GetId
	named  *identity.Identity // the identity that the call names; nil for GetId
	asked  string             // its id as it was sent
	asking [][32]byte         // the logins, by their hashes, whose owners were asked for
	owners []store.Owner      // who owns them
	logins []proof            // after verify, in the order of their providers' names
}

// findPool is step 1 of a call that names a pool.
func (s *Service) findPool(ctx context.Context, fullID string, claimed [][32]byte) (*visit, error) {
	v := &visit{asking: claimed}
	region, id, err := identity.ParseID(fullID)
	if err != nil {
		return nil, noPool(fullID)
	}
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		v.ref, v.owners, err = tx.FindPool(region, id, claimed)
		return err
	})
	if err == nil {
		v.pool, err = s.settings(ctx, v.ref) // not found if deleted a moment ago
	}
	if err == nil {
		wire.About(ctx, v.pool)
	}
	return v, orNotFound(err, noPool(fullID))
}

// findIdentity is step 1 of a call that names an identity.
func (s *Service) findIdentity(ctx context.Context, fullID string) (*visit, error) {
	v := &visit{asked: fullID}
	region, id, err := identity.ParseID(fullID)
	if err != nil {
		return nil, noIdentity(fullID)
	}
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		v.ref, v.named, err = tx.FindIdentity(region, id)
		return err
	})
	if err != nil {
		return nil, orNotFound(err, noIdentity(fullID))
	}
	for _, l := range v.named.Logins {
		v.owners = append(v.owners, store.Owner{Hash: l.Hash(), Identity: id, Epoch: v.named.Epoch})
	}
	if v.pool, err = s.settings(ctx, v.ref); err == nil {
		wire.About(ctx, v.pool)
	}
	return v, orNotFound(err, noIdentity(fullID))
}

// claimedLogins lists the logins that tokens speak of, before anything of it is verified: so that one read can bring their
// owners along. What is not true of it is never used.
func claimedLogins(tokens map[string]string) [][32]byte {
	var hashes [][32]byte
	for key, token := range tokens {
		if _, subject, ok := provider.Peek(token); ok {
			hashes = append(hashes, identity.Login{Provider: providerName(key), Subject: subject}.Hash())
		}
	}
	return hashes
}

// claimedUsers lists the logins that a developer's call may vouch for: which of them does is known with the pool.
func claimedUsers(logins map[string]string) [][32]byte {
	hashes := claimedLogins(logins)
	for key, user := range logins {
		if _, _, isToken := provider.Peek(user); !isToken {
			hashes = append(hashes, identity.Login{Provider: key, Subject: user}.Hash())
		}
	}
	return hashes
}

// providerName is the name under which a provider's logins are kept. Some issuers end in a slash; IAM's names do not.
func providerName(loginsKey string) string { return strings.TrimSuffix(loginsKey, "/") }

// admission is the identity that a call was admitted as.
type admission struct {
	ID    identity.ID
	Epoch int64
}

// admit is step 3: it decides which identity the verified logins mean, and writes what is new. A known login costs no
// write, and no further read unless it is by SAML.
func (s *Service) admit(ctx context.Context, v *visit) (admission, error) {
	if err := s.findOwners(ctx, v); err != nil {
		return admission{}, err
	}
	facts := s.facts(v)
	plan, err := s.resolve(facts, v)
	if err != nil {
		return admission{}, err
	}
	known := !plan.Writes()
	if known {
		if known, err = s.assertionsAreOf(ctx, v, plan.Identity); err != nil {
			return admission{}, err
		}
	}
	if known {
		return admission{ID: plan.Identity, Epoch: epochOf(plan.Identity, facts)}, nil
	}
	if len(facts.Logins) == 0 {
		select {
		case s.guests <- struct{}{}:
			defer func() { <-s.guests }()
		default:
			return admission{}, errBusy
		}
	}
	return s.write(ctx, v, facts)
}

// facts are what step 1 and step 2 have found.
func (s *Service) facts(v *visit) *identity.Facts {
	facts := &identity.Facts{
		AllowGuests: v.pool.AllowGuests, Developer: v.pool.Developer, MaxLinked: s.Quotas.LinkedLogins,
		Named: v.named, Owners: v.knownOwners(),
	}
	for _, p := range v.logins {
		facts.Logins = append(facts.Logins, p.login)
	}
	return facts
}

// findOwners asks once more where a login is none that its token spoke of: access tokens say nothing by themselves. It asks
// for all, so that the answer is of one moment. For a named identity step 1 has its logins, and what is new is decided in
// write.
func (s *Service) findOwners(ctx context.Context, v *visit) error {
	unasked := func(p proof) bool { return !slices.Contains(v.asking, p.login.Hash()) }
	if v.named != nil || !slices.ContainsFunc(v.logins, unasked) {
		return nil
	}
	var hashes [][32]byte
	for _, p := range v.logins {
		hashes = append(hashes, p.login.Hash())
	}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		ref, owners, err := tx.FindPool(v.ref.Region, v.ref.ID, hashes)
		if err == nil && ref.Key != v.ref.Key {
			err = store.ErrNotFound
		}
		v.owners = owners
		return err
	})
	return orNotFound(err, noPool(v.pool.FullID()))
}

// knownOwners makes identities of what step 1 brought along. They are not whole: they lack the logins that were not
// shown. That is enough to see that nothing is new; whatever is new is decided once more in write, on whole ones.
func (v *visit) knownOwners() []identity.Identity {
	var known []identity.Identity
	for _, p := range v.logins {
		hash := p.login.Hash()
		i := slices.IndexFunc(v.owners, func(o store.Owner) bool { return o.Hash == hash })
		if i < 0 {
			continue
		}
		id := v.owners[i].Identity
		j := slices.IndexFunc(known, func(k identity.Identity) bool { return k.ID == id })
		if j < 0 {
			j = len(known)
			known = append(known, identity.Identity{ID: id, Pool: v.ref.Key, Epoch: v.owners[i].Epoch})
		}
		known[j].Logins = append(known[j].Logins, p.login)
	}
	return known
}

func (s *Service) resolve(facts *identity.Facts, v *visit) (identity.Plan, error) {
	plan, err := identity.Resolve(facts)
	var refused identity.Refusal
	if errors.As(err, &refused) {
		if refused == identity.TooManyLogins && v.getID { // the only such call whose errors have this one
			return plan, limitExceeded("The identity would have too many logins.")
		}
		return plan, refusal(refused, v.asked)
	}
	return plan, err
}

// write decides again inside a transaction, on what is there now, and carries the plan out.
func (s *Service) write(ctx context.Context, v *visit, facts *identity.Facts) (a admission, err error) {
	var random [16]byte
	if _, err := io.ReadFull(s.Rand, random[:]); err != nil {
		return a, err
	}
	facts.Fresh = identity.NewID(random)
	var plan identity.Plan
	decide := func(tx *store.Tx) (err error) {
		if err = s.gather(tx, v, facts); err != nil {
			return err
		}
		if plan, err = s.resolve(facts, v); err != nil {
			return err
		}
		a = admission{ID: plan.Identity, Epoch: epochOf(plan.Identity, facts)}
		if err = v.bindAssertions(tx, plan.Identity); err != nil {
			return err
		}
		return carryOut(tx, v.ref.Key, &plan)
	}
	unknown := s.DB.Update(ctx, decide)
	if !errors.Is(unknown, store.ErrUnknownOutcome) {
		return a, unknown
	}
	// All is there or nothing, and who decides again finds what is there. Who is refused then may be so by what this call
	// itself has done: that is no answer.
	tried := plan
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if v.named != nil && slices.Contains(tried.Absorb, v.named.ID) {
			if found, done, err := s.merged(tx, v, facts, tried.Identity); done || err != nil {
				a = found
				return err
			}
		}
		return decide(tx)
	})
	ownGuest := errors.Is(err, store.ErrExists) && tried.New && len(facts.Logins) == 0 // its id was drawn for this call alone
	if err == nil || ownGuest {
		return a, nil
	}
	return a, unknown
}

// merged tells whether the identity that the call names has become part of another, who has all logins that the call shows.
func (s *Service) merged(tx *store.Tx, v *visit, facts *identity.Facts, parent identity.ID) (a admission, done bool, err error) {
	named, err := tx.Identity(v.ref.Key, v.named.ID)
	if err != nil || !named.Disabled {
		return a, false, err
	}
	unnamed, shown := *v, *facts
	unnamed.named, shown.Named = nil, nil
	if err := s.gather(tx, &unnamed, &shown); err != nil {
		return a, false, err
	}
	plan, err := s.resolve(&shown, v)
	if err != nil || plan.Writes() || plan.Identity != parent {
		return a, false, err
	}
	return admission{ID: parent, Epoch: epochOf(parent, &shown)}, true, nil
}

// gather reads the facts anew. For a new guest there is nothing to read.
func (s *Service) gather(tx *store.Tx, v *visit, facts *identity.Facts) error {
	facts.Owners = nil
	if v.named == nil && len(facts.Logins) == 0 {
		return nil
	}
	var hashes [][32]byte
	for _, l := range facts.Logins {
		hashes = append(hashes, l.Hash())
	}
	ref, owners, err := tx.FindPool(v.ref.Region, v.ref.ID, hashes)
	if errors.Is(err, store.ErrNotFound) || err == nil && ref.Key != v.ref.Key {
		return noPool(v.pool.FullID())
	}
	if err != nil {
		return err
	}
	if v.named != nil {
		if facts.Named, err = tx.Identity(ref.Key, v.named.ID); err != nil {
			return orNotFound(err, noIdentity(v.asked))
		}
		if !v.holds(facts.Named) { // unlinked a moment ago
			return refusal(identity.NoLoginMatches, v.asked)
		}
	}
	for _, o := range owners {
		if slices.ContainsFunc(facts.Owners, func(i identity.Identity) bool { return i.ID == o.Identity }) {
			continue
		}
		owner, err := tx.Identity(ref.Key, o.Identity)
		if err != nil {
			return err
		}
		facts.Owners = append(facts.Owners, *owner)
	}
	return nil
}

func epochOf(id identity.ID, facts *identity.Facts) int64 {
	if facts.Named != nil && facts.Named.ID == id {
		return facts.Named.Epoch
	}
	for _, o := range facts.Owners {
		if o.ID == id {
			return o.Epoch
		}
	}
	return 0
}

func carryOut(tx *store.Tx, pool int64, plan *identity.Plan) error {
	if plan.New {
		if err := tx.CreateIdentity(pool, plan.Identity); err != nil {
			return err
		}
	}
	for _, loser := range plan.Absorb {
		if err := tx.Absorb(loser, plan.Identity); err != nil {
			return err
		}
	}
	if err := tx.Link(pool, plan.Identity, plan.Link...); err != nil {
		return err
	}
	if plan.New || !plan.Writes() {
		return nil
	}
	return tx.Touch(plan.Identity)
}

// poolKey is what the cache of pools' settings goes by.
type poolKey struct{ key, version int64 }

// settings returns a pool that nobody may change, or store.ErrNotFound.
func (s *Service) settings(ctx context.Context, ref store.PoolRef) (*identity.Pool, error) {
	return s.pools.Get(ctx, poolKey{ref.Key, ref.Version}, func() (pool *identity.Pool, err error) {
		err = s.DB.View(ctx, func(tx *store.Tx) error {
			pool, err = tx.PoolByKey(ref.Key)
			return err
		})
		return pool, err
	})
}
