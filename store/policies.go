package store

import (
	"encoding/json"
	"time"
)

// Policy is a managed policy of an account. Its documents are its versions.
type Policy struct {
	Account     string
	Name        string // unique in its account, whatever its case
	Path        string // "/" or "/a/b/"
	UniqueID    string // ANPA..., never used again
	Description string
	Tags        map[string]string
	Default     int64 // the version that acts
	Latest      int64 // the newest version that there ever was
	Created     time.Time
	Updated     time.Time // when the newest version was made

	Attachments int64 // how many roles and users have it as a policy
	Boundaries  int64 // how many have it as their boundary
}

// ARN is arn:aws:iam::ACCOUNT:policy/PATH/NAME.
func (p *Policy) ARN() string { return "arn:aws:iam::" + p.Account + ":policy" + p.Path + p.Name }

// Key is what lists of policies are ordered by, byte by byte: the name in lower case.
func (p *Policy) Key() string { return nameKey(p.Name) }

// PolicyVersion is one document of a managed policy.
type PolicyVersion struct {
	Number   int64 // from 1 on
	Document string
	Created  time.Time
}

// usesOf is how often a policy is used, in statements that have the account as $1; policy is an expression for its ARN.
func usesOf(policy string) string {
	return `(SELECT COUNT(*) FROM policy_attachments a WHERE a.account = $1 AND a.policy = ` + policy + `) AS attachments,
		(SELECT COUNT(*) FROM roles r WHERE r.account = $1 AND r.boundary = ` + policy + `) +
		(SELECT COUNT(*) FROM users u WHERE u.account = $1 AND u.boundary = ` + policy + `) AS boundaries`
}

var (
	insertPolicy = statement(`INSERT INTO policies (account, name_key, name, path, arn, unique_id, description, tags,
		default_version, last_version, created, updated) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, 1, $9, $9)`)
	policyByARN = statement(`SELECT p.name, p.path, p.unique_id, p.description, p.tags, p.default_version, p.last_version,
		p.created, p.updated, ` + usesOf("p.arn") + ` FROM policies p WHERE p.account = $1 AND p.arn = $2`)
	policyPage = statement(`SELECT name, path, unique_id, default_version, last_version, created, updated, attachments, boundaries
		FROM (SELECT p.name_key, p.name, p.path, p.unique_id, p.default_version, p.last_version, p.created, p.updated,
			` + usesOf("p.arn") + ` FROM policies p WHERE p.account = $1 AND p.name_key > $2
			AND SUBSTR(p.path, 1, LENGTH(CAST($3 AS TEXT))) = $3) counted
		WHERE attachments >= $4 AND boundaries >= $5 AND attachments + boundaries >= $6
		ORDER BY name_key LIMIT $7`)
	policyCount  = statement(`SELECT COUNT(*) FROM policies WHERE account = $1`)
	policyUses   = statement(`SELECT ` + usesOf("$2"))
	updatePolicy = statement(`UPDATE policies SET tags = $3, default_version = $4, last_version = $5, updated = $6
		WHERE account = $1 AND arn = $2`)
	deletePolicy = statement(`DELETE FROM policies WHERE account = $1 AND arn = $2`)

	insertPolicyVersion  = statement(`INSERT INTO policy_versions (policy, version, document, created) VALUES ($1, $2, $3, $4)`)
	policyVersion        = statement(`SELECT document, created FROM policy_versions WHERE policy = $1 AND version = $2`)
	policyVersions       = statement(`SELECT version, created FROM policy_versions WHERE policy = $1 ORDER BY version`)
	deletePolicyVersion  = statement(`DELETE FROM policy_versions WHERE policy = $1 AND version = $2`)
	deletePolicyVersions = statement(`DELETE FROM policy_versions WHERE policy = $1`)
)

// CreatePolicy adds a policy with its version 1, which it sets as the default one; ErrExists if its name is taken.
func (tx *Tx) CreatePolicy(p *Policy, document string) error {
	tags, err := json.Marshal(p.Tags)
	if err != nil {
		return err
	}
	p.Default, p.Latest, p.Created, p.Updated = 1, 1, tx.Now(), tx.Now()
	if err := tx.touch(p.Account); err != nil {
		return err
	}
	err = tx.exec(insertPolicy, p.Account, []byte(p.Key()), p.Name, p.Path, p.ARN(), p.UniqueID, p.Description, string(tags),
		tx.Now().UnixMilli())
	if err != nil {
		return err
	}
	return tx.exec(insertPolicyVersion, p.UniqueID, int64(1), document, tx.Now().UnixMilli())
}

// Policy returns a policy of an account by its ARN, letter for letter, or ErrNotFound.
func (tx *Tx) Policy(account, arn string) (*Policy, error) {
	p := &Policy{Account: account}
	var tags string
	var created, updated int64
	err := tx.row(policyByARN, []any{account, arn}, &p.Name, &p.Path, &p.UniqueID, &p.Description, &tags, &p.Default,
		&p.Latest, &created, &updated, &p.Attachments, &p.Boundaries)
	if err != nil {
		return nil, err
	}
	p.Created, p.Updated = fromMilli(created), fromMilli(updated)
	return p, json.Unmarshal([]byte(tags), &p.Tags)
}

// PolicyFilter says which policies a list has. The zero value has all.
type PolicyFilter struct {
	PathPrefix  string
	Attachments int64 // at least so many
	Boundaries  int64 // at least so many
	Uses        int64 // at least so many of both together
}

// Policies returns the policies of an account in the order of their keys, from the first one after the key that is
// given, without descriptions and tags; an empty key begins.
func (tx *Tx) Policies(account string, f PolicyFilter, after string, limit int) ([]Policy, error) {
	var page []Policy
	args := []any{account, []byte(after), f.PathPrefix, f.Attachments, f.Boundaries, f.Uses, int64(limit)}
	err := tx.rows(policyPage, args, func(scan func(...any) error) error {
		p := Policy{Account: account}
		var created, updated int64
		err := scan(&p.Name, &p.Path, &p.UniqueID, &p.Default, &p.Latest, &created, &updated, &p.Attachments, &p.Boundaries)
		p.Created, p.Updated = fromMilli(created), fromMilli(updated)
		page = append(page, p)
		return err
	})
	return page, err
}

// PolicyCount tells how many policies an account has.
func (tx *Tx) PolicyCount(account string) (n int64, err error) {
	err = tx.row(policyCount, []any{account}, &n)
	return n, err
}

// PolicyUses tells how many roles and users of an account have a policy, and how many have it as their boundary. Any ARN
// will do, of a policy that is built in too.
func (tx *Tx) PolicyUses(account, arn string) (attachments, boundaries int64, err error) {
	err = tx.row(policyUses, []any{account, arn}, &attachments, &boundaries)
	return attachments, boundaries, err
}

// ChangePolicy stores the tags, the default version, the newest one's number and the time of change of a policy that the same transaction has read.
func (tx *Tx) ChangePolicy(p *Policy) error {
	tags, err := json.Marshal(p.Tags)
	if err != nil {
		return err
	}
	if err := tx.touch(p.Account); err != nil {
		return err
	}
	return tx.exec(updatePolicy, p.Account, p.ARN(), string(tags), p.Default, p.Latest, p.Updated.UnixMilli())
}

// DeletePolicy removes a policy that the same transaction has read, with its versions. Nobody may have it any more.
func (tx *Tx) DeletePolicy(p *Policy) error {
	if err := tx.touch(p.Account); err != nil {
		return err
	}
	if err := tx.exec(deletePolicyVersions, p.UniqueID); err != nil {
		return err
	}
	return tx.exec(deletePolicy, p.Account, p.ARN())
}

// CreatePolicyVersion adds a document to a policy that the same transaction has read, under the next number, which becomes
// p.Latest. Set p.Default to that and call ChangePolicy to make it act.
func (tx *Tx) CreatePolicyVersion(p *Policy, document string) error {
	p.Latest, p.Updated = p.Latest+1, tx.Now()
	if err := tx.ChangePolicy(p); err != nil {
		return err
	}
	return tx.exec(insertPolicyVersion, p.UniqueID, p.Latest, document, p.Updated.UnixMilli())
}

// PolicyVersion returns a version of a policy, or ErrNotFound.
func (tx *Tx) PolicyVersion(p *Policy, number int64) (*PolicyVersion, error) {
	v := &PolicyVersion{Number: number}
	var created int64
	if err := tx.row(policyVersion, []any{p.UniqueID, number}, &v.Document, &created); err != nil {
		return nil, err
	}
	v.Created = fromMilli(created)
	return v, nil
}

// PolicyVersions returns the versions of a policy by number, without documents.
func (tx *Tx) PolicyVersions(p *Policy) ([]PolicyVersion, error) {
	var all []PolicyVersion
	err := tx.rows(policyVersions, []any{p.UniqueID}, func(scan func(...any) error) error {
		var v PolicyVersion
		var created int64
		err := scan(&v.Number, &created)
		v.Created = fromMilli(created)
		all = append(all, v)
		return err
	})
	return all, err
}

// DeletePolicyVersion removes a version of a policy that the same transaction has read. It must not be the default one.
func (tx *Tx) DeletePolicyVersion(p *Policy, number int64) error {
	if err := tx.touch(p.Account); err != nil {
		return err
	}
	return tx.exec(deletePolicyVersion, p.UniqueID, number)
}
