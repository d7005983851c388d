package store

import (
	"encoding/json"
	"time"
)

// OIDCProvider is an IAM OpenID Connect provider.
type OIDCProvider struct {
	Account     string
	Name        string // the issuer without its scheme, as in the ARN
	Issuer      string // the URL as it was registered
	ClientIDs   []string
	Thumbprints []string
	Tags        map[string]string
	Version     int64 // differs whenever the provider was changed, or made again under its name
	Created     time.Time
}

// ARN is arn:aws:iam::ACCOUNT:oidc-provider/NAME.
func (p *OIDCProvider) ARN() string { return "arn:aws:iam::" + p.Account + ":oidc-provider/" + p.Name }

var (
	insertOIDC = statement(`INSERT INTO oidc_providers
		(account, name, issuer, client_ids, thumbprints, tags, version, created)
		SELECT a.id, $2, $3, $4, $5, $6, a.version, CAST($7 AS BIGINT) FROM accounts a WHERE a.id = $1`)
	updateOIDC = statement(`UPDATE oidc_providers SET client_ids = $3, thumbprints = $4, tags = $5,
			version = (SELECT version FROM accounts WHERE id = $1)
		WHERE account = $1 AND name = $2`)
	oidcByName = statement(`SELECT name, issuer, client_ids, thumbprints, tags, version, created FROM oidc_providers
		WHERE account = $1 AND name = $2`)
	oidcOf = byBytes(`SELECT name, issuer, client_ids, thumbprints, tags, version, created FROM oidc_providers
		WHERE account = $1 ORDER BY name COLLATE BINARY`)
	deleteOIDC = statement(`DELETE FROM oidc_providers WHERE account = $1 AND name = $2`)
)

// CreateOIDCProvider adds a provider; ErrExists if its name is taken.
func (tx *Tx) CreateOIDCProvider(p *OIDCProvider) error {
	lists, err := p.lists()
	if err != nil {
		return err
	}
	if err := tx.touch(p.Account); err != nil {
		return err
	}
	return tx.exec(insertOIDC, p.Account, p.Name, p.Issuer, lists[0], lists[1], lists[2], tx.Now().UnixMilli())
}

// ChangeOIDCProvider stores the client ids, the thumbprints and the tags of a provider that the same transaction has read.
func (tx *Tx) ChangeOIDCProvider(p *OIDCProvider) error {
	lists, err := p.lists()
	if err != nil {
		return err
	}
	if err := tx.touch(p.Account); err != nil {
		return err
	}
	return tx.exec(updateOIDC, p.Account, p.Name, lists[0], lists[1], lists[2])
}

// lists are the columns that hold JSON: client ids, thumbprints, tags.
func (p *OIDCProvider) lists() (lists [3]string, err error) {
	for i, v := range []any{p.ClientIDs, p.Thumbprints, p.Tags} {
		b, err := json.Marshal(v)
		if err != nil {
			return lists, err
		}
		lists[i] = string(b)
	}
	return lists, nil
}

// OIDCProvider returns a provider by its name, or ErrNotFound.
func (tx *Tx) OIDCProvider(account, name string) (*OIDCProvider, error) {
	p := &OIDCProvider{Account: account}
	err := scanOIDC(p, func(dest ...any) error { return tx.row(oidcByName, []any{account, name}, dest...) })
	if err != nil {
		return nil, err
	}
	return p, nil
}

// OIDCProviders returns the providers of an account by name.
func (tx *Tx) OIDCProviders(account string) ([]OIDCProvider, error) {
	var all []OIDCProvider
	err := tx.rows(oidcOf, []any{account}, func(scan func(...any) error) error {
		p := OIDCProvider{Account: account}
		err := scanOIDC(&p, scan)
		all = append(all, p)
		return err
	})
	return all, err
}

// DeleteOIDCProvider removes a provider.
func (tx *Tx) DeleteOIDCProvider(account, name string) error {
	if err := tx.touch(account); err != nil {
		return err
	}
	return tx.exec(deleteOIDC, account, name)
}

func scanOIDC(p *OIDCProvider, scan func(...any) error) error {
	var clients, thumbprints, tags string
	var created int64
	if err := scan(&p.Name, &p.Issuer, &clients, &thumbprints, &tags, &p.Version, &created); err != nil {
		return err
	}
	p.Created = fromMilli(created)
	if err := json.Unmarshal([]byte(clients), &p.ClientIDs); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(thumbprints), &p.Thumbprints); err != nil {
		return err
	}
	return json.Unmarshal([]byte(tags), &p.Tags)
}
