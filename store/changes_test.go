package store

import (
	"errors"
	"slices"
	"time"

	"idpool/identity"
)

// fallible is an Update of the product, as its service does it: it reads what it goes by, and writes.
type fallible struct {
	name  string
	do    func(*Tx) error
	given []func(*Tx) error // Updates between the scene and it
}

// changes are the Updates of the product. TestEveryStatementMayFail sees to it that none of its writing statements is missing.
var changes = slices.Concat(changesOfIdentities, changesOfPools, changesOfRoles, changesOfUsers, changesOfPolicies,
	changesOfProviders, changesOfDeployments, sweeps)

// The nouns of the scene.
var (
	policyP  = Policy{Account: accountA, Name: "P", Path: "/", UniqueID: "ANPA1"}
	policyQ  = Policy{Account: accountA, Name: "Q", Path: "/", UniqueID: "ANPA2"} // of nobody
	secretM  = Sealed{Master: []byte("m"), Box: []byte("b")}
	scopeR   = Scope{accountA, regionR}
	document = "{}"
)

func sceneOfIdentities(tx *Tx) error {
	spare := poolP()
	spare.Key, spare.ID = 8, uuid(8)
	return errors.Join(
		tx.CreateAccount(accountA), tx.CreatePool(poolP()), tx.CreatePool(spare),
		tx.CreateIdentity(7, uuid(1)), tx.CreateIdentity(7, uuid(2)), tx.CreateIdentity(7, uuid(3)),
		tx.Link(7, uuid(1), login("alice")), tx.Link(7, uuid(2), login("bob"), login("bob@work")),
		tx.BindAssertion([32]byte{1}, 7, uuid(2), tx.Now().Add(30*time.Hour)))
}

func sceneOfIAM(tx *Tx) error {
	p, q := policyP, policyQ
	u := &User{Account: accountA, Name: "U", Path: "/", UniqueID: "AIDA1"}
	return errors.Join(
		tx.CreatePolicy(&p, document), tx.CreatePolicyVersion(&p, "{2}"), tx.CreatePolicy(&q, document),
		tx.CreateRole(&Role{Account: accountA, Name: "R", Path: "/", UniqueID: "AROA1", Trust: "{}"}),
		tx.AttachPolicy(accountA, RoleKind, "AROA1", p.ARN()), tx.PutRolePolicy(accountA, "R", "p", document),
		tx.CreateRole(&Role{Account: accountA, Name: "Bare", Path: "/", UniqueID: "AROA2", Trust: "{}"}),
		tx.CreateUser(u), tx.AttachPolicy(accountA, UserKind, "AIDA1", p.ARN()), tx.PutUserPolicy(u, "p", document),
		tx.CreateUser(&User{Account: accountA, Name: "Bare", Path: "/", UniqueID: "AIDA2"}),
		tx.CreateAccessKey(&AccessKey{ID: "AKIA1", Account: accountA, User: "AIDA1", Active: true, Secret: secretM}),
		tx.CreateOIDCProvider(&OIDCProvider{Account: accountA, Name: "login.example.com", ClientIDs: []string{"a"}}),
		tx.CreateSAMLProvider(&SAMLProvider{Account: accountA, Name: "S", Metadata: "<a/>", UUID: "SAMLSP1", ValidUntil: tx.Now()}))
}

func sceneOfDeployment(tx *Tx) error {
	return errors.Join(
		tx.CreateSetting(SettingIssuerURL, []byte("https://a.example.com")),
		tx.CreateSigningKey(&SigningKey{ID: "k1", State: Retired, Private: secretM, Certificate: []byte("c")}),
		tx.CreateSigningKey(&SigningKey{ID: "k2", State: Current, Private: secretM, Certificate: []byte("c")}),
		tx.CreateSigningKey(&SigningKey{ID: "k3", State: Next, Private: secretM, Certificate: []byte("c")}))
}

// scene is what is there before each change of TestEveryStatementMayFail.
func scene(tx *Tx) error {
	return errors.Join(sceneOfIdentities(tx), sceneOfIAM(tx), sceneOfDeployment(tx))
}

// with has a change read what it changes.
func with[T any](read func(*Tx) (T, error), do func(*Tx, T) error) func(*Tx) error {
	return func(tx *Tx) error {
		found, err := read(tx)
		if err != nil {
			return err
		}
		return do(tx, found)
	}
}

// there checks what a change reads and goes by, but does not change.
func there[T comparable](want T) func(T, error) error {
	return func(got T, err error) error {
		if err == nil && got != want {
			err = errOwn
		}
		return err
	}
}

// many is there for lists: how long they are.
func many[T any](want int) func([]T, error) error {
	return func(got []T, err error) error { return there(want)(len(got), err) }
}

// some is many for inline policies.
func some(want int) func(map[string]string, error) error {
	return func(got map[string]string, err error) error { return there(want)(len(got), err) }
}

func theIdentity(tx *Tx) (*identity.Identity, error) { return tx.Identity(7, uuid(1)) }

var changesOfIdentities = []fallible{
	{name: "a guest", do: func(tx *Tx) error { return tx.CreateIdentity(7, uuid(9)) }},
	{name: "a first sign-in", do: func(tx *Tx) error {
		ref, owners, err := tx.FindPool(regionR, uuid(7), [][32]byte{login("carol").Hash()})
		if err != nil || len(owners) > 0 {
			return errors.Join(err, errOwn)
		}
		return errors.Join(tx.CreateIdentity(ref.Key, uuid(9)), tx.Link(ref.Key, uuid(9), login("carol"), login("carol@work")))
	}},
	{name: "a link", do: with(theIdentity, func(tx *Tx, i *identity.Identity) error {
		return errors.Join(tx.Link(7, i.ID, login("carol")), tx.Touch(i.ID))
	})},
	{name: "a merge", do: func(tx *Tx) error {
		source, err := tx.Owner(7, login("bob"))
		if err != nil {
			return err
		}
		destination, err := tx.Owner(7, login("alice"))
		if err != nil || destination.ID == source.ID {
			return errors.Join(err, errOwn)
		}
		return errors.Join(tx.Absorb(source.ID, destination.ID), tx.Touch(destination.ID))
	}},
	{name: "an unlink", do: with(theIdentity, func(tx *Tx, i *identity.Identity) error {
		return errors.Join(tx.Unlink(7, i.Logins...), tx.Disable(i.ID))
	})},
	{name: "a deletion of identities", do: func(tx *Tx) error {
		for _, n := range []byte{1, 2} {
			if _, err := tx.IdentityOf(scopeR, uuid(n)); err != nil {
				return err
			}
			if err := tx.DeleteIdentity(uuid(n)); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "a revocation of an identity", do: func(tx *Tx) error {
		if _, err := tx.IdentityOf(scopeR, uuid(1)); err != nil {
			return err
		}
		return tx.RevokeIdentity(uuid(1))
	}},
	{name: "an assertion", do: with(theIdentity, func(tx *Tx, i *identity.Identity) error {
		return tx.BindAssertion([32]byte{2}, 7, i.ID, tx.Now().Add(time.Hour))
	})},
	{name: "an assertion that is good for longer", do: func(tx *Tx) error {
		if _, err := tx.Identity(7, uuid(2)); err != nil {
			return err
		}
		return tx.BindAssertion([32]byte{1}, 7, uuid(2), tx.Now().Add(30*time.Hour))
	}},
}

func thePool(tx *Tx) (*identity.Pool, error) { return tx.Pool(scopeR, uuid(7)) }

var changesOfPools = []fallible{
	{name: "a new pool", do: func(tx *Tx) error {
		p := poolP()
		p.Key, p.ID = 9, uuid(9)
		return errors.Join(there[int64](2)(tx.PoolCount(scopeR)), tx.CreatePool(p))
	}},
	{name: "the first pool of a region", do: func(tx *Tx) error {
		p := poolP()
		p.Key, p.ID, p.Region = 9, uuid(9), "eu-west-1"
		return errors.Join(there[int64](0)(tx.PoolCount(Scope{accountA, p.Region})), many[string](1)(tx.Regions(accountA)),
			tx.CreatePool(p))
	}},
	{name: "a change of a pool", do: with(thePool, func(tx *Tx, p *identity.Pool) error { p.Name = "q"; return tx.UpdatePool(p) })},
	{name: "a deletion of a pool", do: with(thePool, (*Tx).DeletePool)},
	{name: "a revocation of a pool", do: with(thePool, (*Tx).RevokePool)},
}

func theRole(tx *Tx) (*Role, error) { return tx.Role(accountA, "R") }

var changesOfRoles = []fallible{
	{name: "a new role", do: func(tx *Tx) error {
		_, err := tx.Policy(accountA, policyQ.ARN())
		return errors.Join(there[int64](2)(tx.RoleCount(accountA)), err,
			tx.CreateRole(&Role{Account: accountA, Name: "S", Path: "/", UniqueID: "AROA3", Trust: "{}", Boundary: policyQ.ARN()}))
	}},
	{name: "a change of a role", do: with(theRole, func(tx *Tx, r *Role) error {
		r.Description = "changed"
		return tx.ChangeRole(r)
	})},
	{name: "a tag of a role", do: with(theRole, func(tx *Tx, r *Role) error {
		r.Tags = map[string]string{"k": "v"}
		return tx.ChangeRole(r)
	})},
	{name: "a boundary of a role", do: with(theRole, func(tx *Tx, r *Role) error {
		_, err := tx.Policy(accountA, policyQ.ARN())
		r.Boundary = policyQ.ARN()
		return errors.Join(err, tx.ChangeRole(r))
	})},
	{name: "a trust policy", do: with(theRole, func(tx *Tx, r *Role) error { return tx.SetRoleTrust(accountA, r.Name, "{2}") })},
	{name: "an inline policy of a role", do: with(theRole, func(tx *Tx, r *Role) error {
		return errors.Join(some(1)(tx.RolePolicies(accountA, r.Name)), tx.PutRolePolicy(accountA, r.Name, "q", document))
	})},
	{name: "another inline policy of a role", do: with(theRole, func(tx *Tx, r *Role) error {
		return errors.Join(some(1)(tx.RolePolicies(accountA, r.Name)), tx.PutRolePolicy(accountA, r.Name, "p", "{2}"))
	})},
	{name: "a deletion of an inline policy of a role", do: with(theRole, func(tx *Tx, r *Role) error {
		return errors.Join(there(document)(tx.RolePolicy(accountA, r.Name, "p")), tx.DeleteRolePolicy(accountA, r.Name, "p"))
	})},
	{name: "a revocation of a role", do: with(theRole, func(tx *Tx, r *Role) error { return tx.RevokeRole(accountA, r.Name) })},
	{name: "a deletion of a role", do: func(tx *Tx) error {
		_, err := tx.Role(accountA, "Bare")
		return errors.Join(err, many[string](0)(tx.AttachedPolicies("AROA2")), some(0)(tx.RolePolicies(accountA, "Bare")),
			tx.DeleteRole(accountA, "Bare"))
	}},
}

func theUser(tx *Tx) (*User, error) { return tx.User(accountA, "U") }

// theKey is the user's.
func theKey(tx *Tx) (*AccessKey, error) {
	u, err := theUser(tx)
	if err != nil {
		return nil, err
	}
	keys, err := tx.AccessKeys(accountA, u.UniqueID)
	if err != nil || len(keys) != 1 {
		return nil, errors.Join(err, errOwn)
	}
	return &keys[0], nil
}

var changesOfUsers = []fallible{
	{name: "a new user", do: func(tx *Tx) error {
		_, err := tx.Policy(accountA, policyQ.ARN())
		return errors.Join(err, there[int64](2)(tx.UserCount(accountA)),
			tx.CreateUser(&User{Account: accountA, Name: "V", Path: "/", UniqueID: "AIDA3", Boundary: policyQ.ARN()}))
	}},
	{name: "a new name of a user", do: with(theUser, func(tx *Tx, u *User) error {
		u.Name, u.Path = "V", "/v/"
		return tx.ChangeUser(u)
	})},
	{name: "a tag of a user", do: with(theUser, func(tx *Tx, u *User) error {
		u.Tags = map[string]string{"k": "v"}
		return tx.ChangeUser(u)
	})},
	{name: "a boundary of a user", do: with(theUser, func(tx *Tx, u *User) error {
		_, err := tx.Policy(accountA, policyQ.ARN())
		u.Boundary = policyQ.ARN()
		return errors.Join(err, tx.ChangeUser(u))
	})},
	{name: "an inline policy of a user", do: with(theUser, func(tx *Tx, u *User) error {
		return errors.Join(some(1)(tx.UserPolicies(u.UniqueID)), tx.PutUserPolicy(u, "q", document))
	})},
	{name: "another inline policy of a user", do: with(theUser, func(tx *Tx, u *User) error {
		return errors.Join(some(1)(tx.UserPolicies(u.UniqueID)), tx.PutUserPolicy(u, "p", "{2}"))
	})},
	{name: "a deletion of an inline policy of a user", do: with(theUser, func(tx *Tx, u *User) error {
		return errors.Join(there(document)(tx.UserPolicy(u.UniqueID, "p")), tx.DeleteUserPolicy(u, "p"))
	})},
	{name: "a deletion of a user", do: func(tx *Tx) error {
		u, err := tx.User(accountA, "Bare")
		if err != nil {
			return err
		}
		return errors.Join(many[string](0)(tx.AttachedPolicies(u.UniqueID)), many[AccessKey](0)(tx.AccessKeys(accountA, u.UniqueID)),
			some(0)(tx.UserPolicies(u.UniqueID)), tx.DeleteUser(u))
	}},
	{name: "a new key of a user", do: with(theKey, func(tx *Tx, k *AccessKey) error {
		return tx.CreateAccessKey(&AccessKey{ID: "AKIA2", Account: accountA, User: k.User, Active: true, Secret: secretM})
	})},
	{name: "a key that becomes inactive", do: with(theKey, func(tx *Tx, k *AccessKey) error {
		return tx.SwitchAccessKey(k, false)
	})},
	{name: "a deletion of a key", do: with(theKey, (*Tx).DeleteAccessKey)},
}

func thePolicy(tx *Tx) (*Policy, error) { return tx.Policy(accountA, policyP.ARN()) }

var changesOfPolicies = []fallible{
	{name: "a new policy", do: func(tx *Tx) error {
		return errors.Join(there[int64](2)(tx.PolicyCount(accountA)),
			tx.CreatePolicy(&Policy{Account: accountA, Name: "N", Path: "/", UniqueID: "ANPA3"}, document))
	}},
	{name: "a tag of a policy", do: with(thePolicy, func(tx *Tx, p *Policy) error {
		p.Tags = map[string]string{"k": "v"}
		return tx.ChangePolicy(p)
	})},
	{name: "a new version of a policy", do: with(thePolicy, func(tx *Tx, p *Policy) error {
		return errors.Join(many[PolicyVersion](2)(tx.PolicyVersions(p)), tx.CreatePolicyVersion(p, "{3}"))
	})},
	{name: "a new version that acts", do: with(thePolicy, func(tx *Tx, p *Policy) error {
		err := errors.Join(many[PolicyVersion](2)(tx.PolicyVersions(p)), tx.CreatePolicyVersion(p, "{3}"))
		p.Default = p.Latest
		return errors.Join(err, tx.ChangePolicy(p))
	})},
	{name: "another version that acts", do: with(thePolicy, func(tx *Tx, p *Policy) error {
		_, err := tx.PolicyVersion(p, 2)
		p.Default = 2
		return errors.Join(err, tx.ChangePolicy(p))
	})},
	{name: "a deletion of a version", do: with(thePolicy, func(tx *Tx, p *Policy) error {
		_, err := tx.PolicyVersion(p, 2)
		return errors.Join(err, tx.DeletePolicyVersion(p, 2))
	})},
	{name: "a deletion of a policy", do: func(tx *Tx) error {
		p, err := tx.Policy(accountA, policyQ.ARN())
		if err != nil {
			return err
		}
		return errors.Join(there[int64](0)(p.Attachments+p.Boundaries, nil),
			many[PolicyVersion](1)(tx.PolicyVersions(p)), tx.DeletePolicy(p))
	}},
	{name: "an attachment", do: with(theUser, func(tx *Tx, u *User) error {
		_, err := tx.Policy(accountA, policyQ.ARN())
		return errors.Join(err, many[string](1)(tx.AttachedPolicies(u.UniqueID)),
			tx.AttachPolicy(accountA, UserKind, u.UniqueID, policyQ.ARN()))
	})},
	{name: "a detachment", do: with(theRole, func(tx *Tx, r *Role) error {
		return errors.Join(many[string](1)(tx.AttachedPolicies(r.UniqueID)), tx.DetachPolicy(accountA, r.UniqueID, policyP.ARN()))
	})},
}

func theOIDC(tx *Tx) (*OIDCProvider, error) { return tx.OIDCProvider(accountA, "login.example.com") }

func theSAML(tx *Tx) (*SAMLProvider, error) { return tx.SAMLProvider(accountA, "S") }

var changesOfProviders = []fallible{
	{name: "a new OpenID Connect provider", do: func(tx *Tx) error {
		return errors.Join(many[OIDCProvider](1)(tx.OIDCProviders(accountA)),
			tx.CreateOIDCProvider(&OIDCProvider{Account: accountA, Name: "other.example.com", ClientIDs: []string{"a"}}))
	}},
	{name: "a change of an OpenID Connect provider", do: with(theOIDC, func(tx *Tx, p *OIDCProvider) error {
		p.ClientIDs = append(p.ClientIDs, "b")
		return tx.ChangeOIDCProvider(p)
	})},
	{name: "a deletion of an OpenID Connect provider", do: func(tx *Tx) error {
		return tx.DeleteOIDCProvider(accountA, "login.example.com")
	}},
	{name: "a new SAML provider", do: func(tx *Tx) error {
		return errors.Join(there[int64](1)(tx.SAMLProviderCount(accountA)),
			tx.CreateSAMLProvider(&SAMLProvider{Account: accountA, Name: "T", Metadata: "<a/>", UUID: "SAMLSP2", ValidUntil: tx.Now()}))
	}},
	{name: "a change of a SAML provider", do: with(theSAML, func(tx *Tx, p *SAMLProvider) error {
		p.Metadata, p.ValidUntil = "<b/>", tx.Now()
		return tx.ChangeSAMLProvider(p)
	})},
	{name: "a deletion of a SAML provider", do: with(theSAML, func(tx *Tx, p *SAMLProvider) error {
		return tx.DeleteSAMLProvider(accountA, p.Name)
	})},
}

func theKeys(tx *Tx) ([]SigningKey, error) { return tx.SigningKeys() }

var changesOfDeployments = []fallible{
	{name: "a new account", do: func(tx *Tx) error {
		return errors.Join(tx.CreateAccount(accountB),
			tx.CreateAccessKey(&AccessKey{ID: "AKIA3", Account: accountB, Active: true, Secret: secretM}))
	}},
	{name: "a first setting", do: func(tx *Tx) error {
		if _, err := tx.Setting(SettingMasterKey); !errors.Is(err, ErrNotFound) {
			return errors.Join(err, errOwn)
		}
		return tx.CreateSetting(SettingMasterKey, []byte("m"))
	}},
	{name: "a change of a setting", do: func(tx *Tx) error {
		_, err := tx.Setting(SettingIssuerURL)
		return errors.Join(err, tx.ChangeSetting(SettingIssuerURL, []byte("https://b.example.com")))
	}},
	{name: "a turn of signing keys", do: with(theKeys, func(tx *Tx, k []SigningKey) error {
		return errors.Join(tx.DeleteSigningKey(k[0].ID), tx.MoveSigningKey(k[1].ID, Retired), tx.MoveSigningKey(k[2].ID, Current))
	})},
	{name: "the next signing key", do: func(tx *Tx) error {
		return errors.Join(many[SigningKey](2)(tx.SigningKeys()),
			tx.CreateSigningKey(&SigningKey{ID: "k4", State: Next, Private: secretM, Certificate: []byte("c")}))
	}, given: []func(*Tx) error{func(tx *Tx) error { return tx.DeleteSigningKey("k3") }}},
	{name: "the first sealing key", do: func(tx *Tx) error {
		return errors.Join(many[SealingKey](0)(tx.SealingKeys()), tx.CreateSealingKey(&SealingKey{ID: 1, State: Current, Key: secretM}))
	}},
}

// sweep is what Sweep does in one transaction.
func sweep(tx *Tx) error {
	more, err := tx.sweep()
	if err == nil && !more {
		_, err = tx.sweepAssertions()
	}
	return err
}

// sweeps are what the sweeper does one after another when a pool was deleted.
var sweeps = []fallible{
	{name: "a sweep of logins", do: sweep, given: []func(*Tx) error{with(thePool, (*Tx).DeletePool)}},
	{name: "a sweep of identities", do: sweep, given: []func(*Tx) error{with(thePool, (*Tx).DeletePool), sweep}},
	{name: "the end of a sweep", do: sweep, given: []func(*Tx) error{with(thePool, (*Tx).DeletePool), sweep, sweep}},
	{name: "a sweep of assertions", do: sweep, given: []func(*Tx) error{func(tx *Tx) error {
		return tx.BindAssertion([32]byte{3}, 7, uuid(3), tx.Now())
	}}},
}
