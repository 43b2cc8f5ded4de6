//! The precompiles against their EIPs.

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, Field, PrimeField};
use proptest::prelude::*;
use verdict_precompiles::{decode_g1, decode_g2, ec_add, ec_mul, ec_pairing, encode_g1, encode_g2, PointError};

fn g1(scalar: u64) -> [u8; 64] {
    encode_g1(&(G1Affine::generator() * Fr::from(scalar)).into_affine())
}

fn g2(scalar: u64) -> [u8; 128] {
    encode_g2(&(G2Affine::generator() * Fr::from(scalar)).into_affine())
}

fn pairing(pairs: &[([u8; 64], [u8; 128])]) -> bool {
    let input: Vec<u8> = pairs.iter().flat_map(|(a, b)| a.iter().chain(b).copied()).collect();
    ec_pairing(&input).unwrap()[31] == 1
}

/// Any point of the twist, in the subgroup with negligible probability.
fn off_subgroup() -> G2Affine {
    (1u64..)
        .find_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(x), Fq::ONE), true))
        .filter(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .unwrap()
}

#[test]
fn doubling_the_generator_gives_the_published_point() {
    let expected: [Fq; 2] = [
        ark_ff::MontFp!("1368015179489954701390400359078579693043519447331113978918064868415326638035"),
        ark_ff::MontFp!("9918110051302171585080402603319702774565515993150576347155970296011118125764"),
    ];
    let sum = decode_g1(&ec_add(&[g1(1), g1(1)].concat()).unwrap()).unwrap();
    assert_eq!([sum.x, sum.y], expected);
}

#[test]
fn infinity_is_neutral_and_short_input_is_padded() {
    assert_eq!(ec_add(&[]).unwrap(), [0; 64]);
    assert_eq!(ec_add(&g1(5)).unwrap(), g1(5));
    assert_eq!(ec_add(&[[0; 64], g1(5)].concat()).unwrap(), g1(5));
    assert_eq!(ec_mul(&g1(5)).unwrap(), [0; 64]);
    let mut scalar = g1(5).to_vec();
    scalar.push(1); // the scalar 2^248
    assert_eq!(ec_mul(&scalar).unwrap(), {
        let mut full = g1(5).to_vec();
        full.extend(Fr::from(2u64).pow([248]).into_bigint().to_bytes_be());
        ec_mul(&full).unwrap()
    });
    assert_eq!(ec_add(&[g1(2).as_slice(), &g1(3), &[9]].concat()).unwrap(), g1(5), "input beyond 128 bytes");
    assert!(pairing(&[]) && pairing(&[([0; 64], g2(7))]) && pairing(&[(g1(7), [0; 128])]));
}

#[test]
fn invalid_points_fail() {
    let mut off_curve = g1(1);
    off_curve[63] ^= 1;
    assert_eq!(decode_g1(&off_curve), Err(PointError::NotOnCurve));
    assert!(ec_add(&off_curve).is_err() && ec_mul(&off_curve).is_err());
    let mut not_canonical = [0; 64];
    not_canonical[32..].copy_from_slice(&Fq::MODULUS.to_bytes_be());
    assert_eq!(decode_g1(&not_canonical), Err(PointError::CoordinateNotCanonical { index: 1 }));
    assert_eq!(decode_g2(&encode_g2(&off_subgroup())), Err(PointError::NotInSubgroup));
    assert_eq!(decode_g1(&[0; 63]), Err(PointError::Length { expected: 64, got: 63 }));
    assert_eq!(ec_pairing(&[0; 191]), Err(PointError::Length { expected: 192, got: 191 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn pairing_is_bilinear(a in 1u64.., b in 1u64.., other in 1u64..) {
        let negated = encode_g1(&(-(G1Affine::generator() * Fr::from(a) * Fr::from(b))).into_affine());
        prop_assert!(pairing(&[(g1(a), g2(b)), (negated, g2(1))]));
        prop_assert_eq!(pairing(&[(g1(a), g2(b)), (g1(other), g2(1))]), false);
    }

    #[test]
    fn no_input_panics(data in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = (ec_add(&data), ec_mul(&data), ec_pairing(&data));
    }
}
