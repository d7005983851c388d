package cognito

import (
	"context"
	"time"

	"idpool/issuer"
)

// GetOpenIdTokenInput is the input of GetOpenIdToken.
type GetOpenIdTokenInput struct {
	IdentityId string            `api:"IdentityId,required"`
	Logins     map[string]string `api:"LoginsMap"`
}

// GetOpenIdTokenOutput is the output of GetOpenIdToken.
type GetOpenIdTokenOutput struct {
	IdentityId string
	Token      string
}

// GetOpenIdToken gives an OpenID token that anybody can verify, good for ten minutes or as the operator says: the first step
// of the classic flow.
func (s *Service) GetOpenIdToken(ctx context.Context, in *GetOpenIdTokenInput) (*GetOpenIdTokenOutput, error) {
	v, err := s.findIdentity(ctx, in.IdentityId)
	if err != nil {
		return nil, err
	}
	if err := v.allowsClassicFlow(); err != nil {
		return nil, err
	}
	if err := v.refuseSAML(in.Logins); err != nil {
		return nil, err
	}
	if err := s.verify(ctx, v, in.Logins); err != nil {
		return nil, err
	}
	tags, err := v.tags()
	if err != nil {
		return nil, err
	}
	admitted, err := s.admit(ctx, v)
	if err != nil {
		return nil, err
	}
	token, err := s.mint(ctx, v, admitted, tags, s.TokenLifetime, v.latest())
	if err != nil {
		return nil, err
	}
	return &GetOpenIdTokenOutput{IdentityId: admitted.ID.In(v.ref.Region), Token: token}, nil
}

// mint is the last step of the calls that answer a token, which lives for the given time, but not beyond latest unless that
// is 0.
func (s *Service) mint(ctx context.Context, v *visit, a admission, tags map[string]string, lifetime time.Duration, latest int64) (string, error) {
	claims := issuer.Claims{
		Subject: a.ID.In(v.ref.Region), Audience: v.pool.FullID(), AMR: v.amr(), PoolARN: v.pool.ARN(), Tags: asClaim(tags),
		Expires: latest, Epochs: issuer.EpochsOf(v.ref.Epoch, a.Epoch),
	}
	return s.Issuer.Mint(ctx, claims, lifetime)
}

// latest is when the first of the tokens of ours that were shown expires, in seconds since 1970: none is outlived by what it
// is exchanged for. It is 0 where none was shown.
func (v *visit) latest() (expires int64) {
	for _, p := range v.logins {
		if p.held && (expires == 0 || p.expires < expires) {
			expires = p.expires
		}
	}
	return expires
}

// allowsClassicFlow goes by what was said: a pool that never said anything allows it.
func (v *visit) allowsClassicFlow() error {
	switch {
	case v.pool.ClassicFlow != nil && !*v.pool.ClassicFlow:
		return invalidParameter("Basic (classic) flow is not enabled, please use enhanced flow.")
	case mapsRoles(&v.pool.Settings):
		return invalidParameter("Basic (classic) flow is not supported with RoleMappings, please use enhanced flow.")
	}
	return nil
}
