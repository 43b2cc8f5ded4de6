//! Key generation directly from the secrets τ, α, β, δ. Equations: [`crate::keys`].
//!
//! Whoever knows the secrets can prove anything, so a key made here is for development: the secrets are drawn from
//! the operating system and zeroised, but only a ceremony convinces others that nobody kept them.

use std::path::Path;

use ark_bn254::{g1, g2, Fr, G1Affine, G2Affine};
use ark_ec::{short_weierstrass::SWCurveConfig, AffineRepr};
use ark_ff::{AdditiveGroup, Field};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    fixed_base::FixedBase,
    keys::{KeyHeader, VerifyingKey},
    qap,
    r1cs::{Matrix, R1cs},
    zkey::{CircuitHash, KeyWriter, PointSection},
    Progress, Randomness, Result,
};

/// Points multiplied between two progress reports.
const CHUNK: usize = 1 << 15;

/// The toxic waste.
struct Secrets {
    tau: Fr,
    alpha: Fr,
    beta: Fr,
    delta: Fr,
}

impl Drop for Secrets {
    fn drop(&mut self) {
        for secret in [&mut self.tau, &mut self.alpha, &mut self.beta, &mut self.delta] {
            secret.zeroize();
        }
    }
}

impl Secrets {
    fn draw(randomness: &mut Randomness, size: usize, initial: bool) -> Result<Self> {
        let mut non_zero = || loop {
            let value = randomness.scalar()?;
            if value != Fr::ZERO {
                return Ok(value);
            }
        };
        let mut tau = non_zero()?;
        while qap::is_in_domain(size, tau) {
            tau = non_zero()?;
        }
        let (alpha, beta) = (non_zero()?, non_zero()?);
        let delta = if initial { Fr::ONE } else { non_zero()? };
        Ok(Self { tau, alpha, beta, delta })
    }
}

/// The scalars of a key's queries; each list becomes points of the same length.
struct Queries {
    /// u_j(τ), v_j(τ)
    u: Zeroizing<Vec<Fr>>,
    v: Zeroizing<Vec<Fr>>,
    /// β u_j(τ) + α v_j(τ) + w_j(τ), divided by δ for private wires
    statement: Zeroizing<Vec<Fr>>,
    private: Zeroizing<Vec<Fr>>,
    /// L'_{2i+1}(τ)/δ
    h: Zeroizing<Vec<Fr>>,
}

impl Queries {
    fn new(circuit: &R1cs, size: usize, secrets: &Secrets) -> Self {
        let lagrange = qap::lagrange(size, secrets.tau);
        let column_values = |matrix: &Matrix| {
            let mut columns = Zeroizing::new(vec![Fr::ZERO; circuit.n_wires as usize]);
            for (row, at_tau) in lagrange.iter().take(matrix.rows()).enumerate() {
                for (wire, id) in matrix.row(row) {
                    columns[wire as usize] += circuit.table[id as usize] * at_tau;
                }
            }
            columns
        };
        let ((mut u, v), w) = rayon::join(
            || rayon::join(|| column_values(&circuit.a), || column_values(&circuit.b)),
            || column_values(&circuit.c),
        );
        let n_statement = circuit.n_public as usize + 1;
        for (signal, at_tau) in lagrange[circuit.n_constraints()..][..n_statement].iter().enumerate() {
            u[signal] += at_tau; // iden3's own rows
        }
        let delta_inverse = Zeroizing::new(secrets.delta.inverse().expect("δ is not zero"));
        let mut statement: Zeroizing<Vec<Fr>> =
            Zeroizing::new((0..u.len()).map(|j| secrets.beta * u[j] + secrets.alpha * v[j] + w[j]).collect());
        let private = Zeroizing::new(statement[n_statement..].iter().map(|x| *x * *delta_inverse).collect());
        statement[n_statement..].iter_mut().zeroize();
        statement.truncate(n_statement);
        let mut h = qap::odd_lagrange(size, secrets.tau);
        h.iter_mut().for_each(|value| *value *= *delta_inverse);
        Self { u, v, statement, private, h }
    }
}

/// Multiplies scalars chunk by chunk, writes the points, hashes them when the key is initial, and reports.
struct Sink<'a> {
    writer: KeyWriter,
    hash: Option<CircuitHash>,
    progress: &'a dyn Progress,
    done: usize,
    total: usize,
}

impl Sink<'_> {
    fn each<P: SWCurveConfig<ScalarField = Fr>>(
        &mut self,
        table: &FixedBase<P>,
        scalars: &[Fr],
        mut take: impl FnMut(&mut Self, &[ark_ec::short_weierstrass::Affine<P>]) -> Result<()>,
    ) -> Result<()> {
        for chunk in scalars.chunks(CHUNK) {
            self.progress.report("setup: multiplying points", self.done as f64 / self.total as f64)?;
            let points = table.multiply(chunk);
            take(self, &points)?;
            self.done += chunk.len();
        }
        Ok(())
    }

    fn g1(&mut self, table: &FixedBase<g1::Config>, section: PointSection, scalars: &[Fr]) -> Result<()> {
        self.writer.begin_points::<g1::Config>(section, scalars.len())?;
        let hashed = section != PointSection::H; // the circuit hash holds other points in the place of H
        if let (Some(hash), true) = (&mut self.hash, hashed) {
            hash.length(scalars.len());
        }
        self.each(table, scalars, |sink, points| {
            if let (Some(hash), true) = (&mut sink.hash, hashed) {
                hash.g1(points);
            }
            sink.writer.points(points)
        })
    }

    fn g2(&mut self, table: &FixedBase<g2::Config>, section: PointSection, scalars: &[Fr]) -> Result<()> {
        self.writer.begin_points::<g2::Config>(section, scalars.len())?;
        if let Some(hash) = &mut self.hash {
            hash.length(scalars.len());
        }
        self.each(table, scalars, |sink, points| {
            if let Some(hash) = &mut sink.hash {
                hash.g2(points);
            }
            sink.writer.points(points)
        })
    }

    /// The part of the circuit hash between IC and L: `[τ^i Z(τ)]₁`.
    fn hash_powers(&mut self, table: &FixedBase<g1::Config>, size: usize, tau: Fr) -> Result<()> {
        let Some(hash) = &mut self.hash else { return Ok(()) };
        hash.length(size - 1);
        let vanishing = tau.pow([size as u64]) - Fr::ONE;
        let powers = Zeroizing::new(
            std::iter::successors(Some(vanishing), |power| Some(*power * tau))
                .take(CircuitHash::powers(size))
                .collect::<Vec<_>>(),
        );
        self.each(table, &powers, |sink, points| {
            if let Some(hash) = &mut sink.hash {
                hash.g1(points);
            }
            Ok(())
        })
    }
}

/// Makes a key for the circuit and writes it to `path`, where it appears whole or not at all.
///
/// `initial` fixes δ = 1: the state every ceremony starts from, unsafe until somebody contributes. Its circuit hash is
/// iden3's; a key with a random δ has no ceremony behind it and carries a zero hash.
///
/// # Errors
/// [`crate::Error::MalformedCircuit`] when the circuit is too large, [`crate::Error::Storage`],
/// [`crate::Error::Cancelled`], [`crate::Error::Randomness`].
pub fn setup(
    circuit: &R1cs,
    path: &Path,
    initial: bool,
    randomness: &mut Randomness,
    progress: &dyn Progress,
) -> Result<()> {
    progress.report("setup: evaluating polynomials", 0.0)?;
    let size = qap::domain_size(circuit.n_constraints(), circuit.n_public as usize)?;
    let secrets = Secrets::draw(randomness, size, initial)?;
    let queries = Queries::new(circuit, size, &secrets);
    let n_wires = circuit.n_wires as usize;
    let table1 = FixedBase::new(G1Affine::generator(), 3 * n_wires + size);
    let table2 = FixedBase::new(G2Affine::generator(), n_wires);
    let base1 = table1.multiply(&[secrets.alpha, secrets.beta, secrets.delta]);
    let base2 = table2.multiply(&[secrets.beta, secrets.delta]);
    let header = KeyHeader {
        n_wires,
        n_public: circuit.n_public as usize,
        domain_size: size,
        beta1: base1[1],
        delta1: base1[2],
        verifying_key: VerifyingKey {
            alpha1: base1[0],
            beta2: base2[0],
            gamma2: G2Affine::generator(),
            delta2: base2[1],
            ic: Vec::new(), // written as a section of its own
        },
    };
    let mut writer = KeyWriter::create(path)?;
    writer.header(&header)?;
    writer.coefficients(circuit)?;
    let powers = if initial { CircuitHash::powers(size) } else { 0 };
    let hash = initial.then(|| CircuitHash::new(&base1[0], &base1[1], &base2[0]));
    let mut sink = Sink { writer, hash, progress, done: 0, total: 4 * n_wires + size + powers };
    sink.g1(&table1, PointSection::Ic, &queries.statement)?;
    sink.hash_powers(&table1, size, secrets.tau)?;
    sink.g1(&table1, PointSection::H, &queries.h)?;
    sink.g1(&table1, PointSection::L, &queries.private)?;
    sink.g1(&table1, PointSection::A, &queries.u)?;
    sink.g1(&table1, PointSection::B1, &queries.v)?;
    sink.g2(&table2, PointSection::B2, &queries.v)?;
    let circuit_hash = sink.hash.take().map_or([0; 64], CircuitHash::finish);
    sink.writer.no_contributions(&circuit_hash)?;
    progress.report("setup: writing to disk", 1.0)?;
    sink.writer.finish()
}
