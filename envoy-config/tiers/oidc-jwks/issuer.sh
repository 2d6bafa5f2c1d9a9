#!/bin/sh
# The token service, once it has checked the caller's OIDC token: a passport that names the
# caller's own key. ISSUER_KEY_FILE never leaves the service; PUBLIC_KEY is the caller's.
trustplane issue --private-key-file "$ISSUER_KEY_FILE" --proof-public-key "$PUBLIC_KEY" \
    --issuer https://sts.shop.example --kid passports-1 --trust-domain shop.example \
    --subject system:serviceaccount:automation:orders-runner --audience orders-api "$@" |
    sed -n 's/^token  *//p'
