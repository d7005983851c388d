package store

import (
	"encoding/json"
	"errors"
	"time"

	"idpool/identity"
)

// SAMLProvider is an IAM SAML provider.
type SAMLProvider struct {
	Account    string
	Name       string
	Metadata   string // the XML document as it was given
	UUID       string // SAMLSP...
	Tags       map[string]string
	Version    int64 // differs whenever the provider was changed, or made again under its name
	Created    time.Time
	ValidUntil time.Time // when Metadata ends
}

// ARN is arn:aws:iam::ACCOUNT:saml-provider/NAME.
func (p *SAMLProvider) ARN() string { return "arn:aws:iam::" + p.Account + ":saml-provider/" + p.Name }

var (
	insertSAML = statement(`INSERT INTO saml_providers (account, name, metadata, uuid, tags, version, created, valid_until)
		SELECT a.id, $2, $3, $4, $5, a.version, CAST($6 AS BIGINT), CAST($7 AS BIGINT) FROM accounts a WHERE a.id = $1`)
	updateSAML = statement(`UPDATE saml_providers SET metadata = $3, tags = $4, valid_until = $5,
			version = (SELECT version FROM accounts WHERE id = $1)
		WHERE account = $1 AND name = $2`)
	samlByName = statement(`SELECT metadata, uuid, tags, version, created, valid_until FROM saml_providers
		WHERE account = $1 AND name = $2`)
	samlOf     = byBytes(`SELECT name, version, created, valid_until FROM saml_providers WHERE account = $1 ORDER BY name COLLATE BINARY`)
	samlCount  = statement(`SELECT COUNT(*) FROM saml_providers WHERE account = $1`)
	deleteSAML = statement(`DELETE FROM saml_providers WHERE account = $1 AND name = $2`)

	insertAssertion = statement(`INSERT INTO saml_assertions (hash, pool, identity, expires) VALUES ($1, $2, $3, $4)`)
	extendAssertion = statement(`UPDATE saml_assertions SET expires = $2 WHERE hash = $1`)
	assertionByHash = statement(`SELECT pool, identity, expires FROM saml_assertions WHERE hash = $1`)
	moveAssertions  = statement(`UPDATE saml_assertions SET identity = $2 WHERE identity = $1`)
	sweepAssertions = statement(`DELETE FROM saml_assertions WHERE hash IN (SELECT hash FROM saml_assertions WHERE expires < $1 ORDER BY expires LIMIT $2)`)
)

// CreateSAMLProvider adds a provider; ErrExists if its name is taken.
func (tx *Tx) CreateSAMLProvider(p *SAMLProvider) error {
	tags, err := json.Marshal(p.Tags)
	if err != nil {
		return err
	}
	if err := tx.touch(p.Account); err != nil {
		return err
	}
	return tx.exec(insertSAML, p.Account, p.Name, p.Metadata, p.UUID, string(tags), tx.Now().UnixMilli(),
		p.ValidUntil.UnixMilli())
}

// ChangeSAMLProvider stores the metadata, its end and the tags of a provider that the same transaction has read.
func (tx *Tx) ChangeSAMLProvider(p *SAMLProvider) error {
	tags, err := json.Marshal(p.Tags)
	if err != nil {
		return err
	}
	if err := tx.touch(p.Account); err != nil {
		return err
	}
	return tx.exec(updateSAML, p.Account, p.Name, p.Metadata, string(tags), p.ValidUntil.UnixMilli())
}

// SAMLProvider returns a provider by its name, or ErrNotFound.
func (tx *Tx) SAMLProvider(account, name string) (*SAMLProvider, error) {
	p := &SAMLProvider{Account: account, Name: name}
	var tags string
	var created, until int64
	err := tx.row(samlByName, []any{account, name}, &p.Metadata, &p.UUID, &tags, &p.Version, &created, &until)
	if err != nil {
		return nil, err
	}
	p.Created, p.ValidUntil = fromMilli(created), fromMilli(until)
	return p, json.Unmarshal([]byte(tags), &p.Tags)
}

// SAMLProviders returns the providers of an account by name, without what is long or belongs to one alone: metadata, tags
// and UUID.
func (tx *Tx) SAMLProviders(account string) ([]SAMLProvider, error) {
	var all []SAMLProvider
	err := tx.rows(samlOf, []any{account}, func(scan func(...any) error) error {
		p := SAMLProvider{Account: account}
		var created, until int64
		err := scan(&p.Name, &p.Version, &created, &until)
		p.Created, p.ValidUntil = fromMilli(created), fromMilli(until)
		all = append(all, p)
		return err
	})
	return all, err
}

// SAMLProviderCount tells how many providers an account has.
func (tx *Tx) SAMLProviderCount(account string) (n int64, err error) {
	err = tx.row(samlCount, []any{account}, &n)
	return n, err
}

// DeleteSAMLProvider removes a provider. Assertions of it that were used stay so, for one made again under its name too.
func (tx *Tx) DeleteSAMLProvider(account, name string) error {
	if err := tx.touch(account); err != nil {
		return err
	}
	return tx.exec(deleteSAML, account, name)
}

// BindAssertion ties an assertion to the identity that it was first used for: nil if it is new or tied to the same one,
// ErrAssertionUsed if to another, or in another pool. hash is SHA-256(the provider's entity ID, NUL, ID of the assertion);
// expires the last moment at which any node would take the assertion, grace for clocks included.
//
// Of many Updates that bind one assertion at once, on any number of nodes, one wins. Call it in the Update that reads the
// identity: else a merge could come between, and the binding would be to an identity that is closed.
func (tx *Tx) BindAssertion(hash [32]byte, pool int64, id identity.ID, expires time.Time) error {
	until := expires.UnixMilli()
	was, err := tx.Assertion(hash)
	switch {
	case errors.Is(err, ErrNotFound):
		return tx.exec(insertAssertion, hash[:], pool, id[:], until)
	case err != nil:
		return err
	case was.Pool != pool || was.Identity != id:
		return ErrAssertionUsed
	case expires.After(was.Expires): // a careless provider gave the ID twice
		return tx.exec(extendAssertion, hash[:], until)
	}
	return nil
}

// Binding is what an assertion is tied to.
type Binding struct {
	Pool     int64
	Identity identity.ID
	Expires  time.Time
}

// Assertion returns what an assertion is tied to, or ErrNotFound. See BindAssertion. One statement: for a View that spares
// those who show an assertion again the Update, since that is the usual case.
func (tx *Tx) Assertion(hash [32]byte) (b Binding, err error) {
	var id []byte
	var expires int64
	err = tx.row(assertionByHash, []any{hash[:]}, &b.Pool, &id, &expires)
	copy(b.Identity[:], id)
	b.Expires = fromMilli(expires)
	return b, err
}

// assertionGrace is how long a binding outlives its assertion: a node whose clock is fast sweeps for those whose clocks are
// slow.
const assertionGrace = time.Hour

// sweepAssertions removes a batch of bindings of assertions that nobody takes any more.
func (tx *Tx) sweepAssertions() (more bool, err error) {
	n, err := tx.execCount(sweepAssertions, tx.Now().Add(-assertionGrace).UnixMilli(), int64(SweepBatch))
	return n == SweepBatch, err
}
