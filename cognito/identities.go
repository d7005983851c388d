package cognito

import (
	"context"

	"idpool/identity"
	"idpool/store"
	"idpool/wire"
)

// IdentityDescription is an identity as the API shows it. Logins are the names of the providers, no more.
type IdentityDescription struct {
	IdentityId       string
	Logins           []string   `json:",omitempty"`
	CreationDate     *wire.Time `json:",omitempty"`
	LastModifiedDate *wire.Time `json:",omitempty"`
}

func describeIdentity(i *identity.Identity, region string) IdentityDescription {
	d := IdentityDescription{
		IdentityId: i.ID.In(region), CreationDate: timestamp(i.Created), LastModifiedDate: timestamp(i.Modified),
	}
	for _, l := range i.Logins {
		d.Logins = append(d.Logins, l.Provider)
	}
	return d
}

// DescribeIdentityInput is the input of DescribeIdentity.
type DescribeIdentityInput struct {
	IdentityId string `api:"IdentityId,required"`
}

// DescribeIdentity shows an identity of the account.
func (s *Service) DescribeIdentity(ctx context.Context, c wire.Caller, in *DescribeIdentityInput) (*IdentityDescription, error) {
	if err := s.may(ctx, c, "DescribeIdentity", "*"); err != nil {
		return nil, err
	}
	region, id, err := identity.ParseID(in.IdentityId)
	if err != nil || region != c.Region {
		return nil, noIdentity(in.IdentityId)
	}
	var found *identity.Identity
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		found, err = tx.IdentityOf(scope(c), id)
		return err
	})
	if err != nil {
		return nil, orNotFound(err, noIdentity(in.IdentityId))
	}
	return ptr(describeIdentity(found, region)), nil
}

// ListIdentitiesInput is the input of ListIdentities.
type ListIdentitiesInput struct {
	IdentityPoolId string `api:"IdentityPoolId,required"`
	MaxResults     int    `api:"QueryLimit,required"`
	NextToken      string `api:"PaginationKey"`
	HideDisabled   bool
}

// ListIdentitiesOutput is the output of ListIdentities.
type ListIdentitiesOutput struct {
	IdentityPoolId string
	Identities     []IdentityDescription
	NextToken      string `json:",omitempty"`
}

// ListIdentities shows a pool's identities by pages, in the order of their ids: an identity that is made meanwhile may or
// may not be seen, every other is seen once.
func (s *Service) ListIdentities(ctx context.Context, c wire.Caller, in *ListIdentitiesInput) (*ListIdentitiesOutput, error) {
	if err := s.may(ctx, c, "ListIdentities", in.IdentityPoolId); err != nil {
		return nil, err
	}
	book := s.book(c, "ListIdentities", in.IdentityPoolId)
	after, err := book.open(ctx, in.NextToken)
	if err != nil {
		return nil, err
	}
	var page []identity.Identity
	err = s.viewPool(ctx, c, in.IdentityPoolId, func(tx *store.Tx, pool *identity.Pool) (err error) {
		page, err = tx.Identities(pool.Key, after, in.HideDisabled, in.MaxResults+1)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &ListIdentitiesOutput{IdentityPoolId: in.IdentityPoolId, Identities: []IdentityDescription{}}
	if len(page) > in.MaxResults {
		page = page[:in.MaxResults]
		if out.NextToken, err = book.seal(page[len(page)-1].ID); err != nil {
			return nil, err
		}
	}
	for i := range page {
		out.Identities = append(out.Identities, describeIdentity(&page[i], c.Region))
	}
	return out, nil
}
