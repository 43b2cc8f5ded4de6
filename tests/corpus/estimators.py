"""scikit-learn estimators of many kinds and hyper-parameters, on its own data sets."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .data import Table, bundled, holes
from .entry import Entry
from .export import sklearn_entry


def iris() -> Table:
    """3 classes, 4 columns with one decimal."""
    return bundled("iris")


def wine() -> Table:
    """3 classes, 13 columns of very different sizes."""
    return bundled("wine")


def cancer() -> Table:
    """2 classes, 8 columns."""
    return bundled("cancer").part(0, 1, 2, 4, 5, 6, 7, 24)


def diabetes() -> Table:
    """A regression over 10 raw columns."""
    return bundled("diabetes")


def digits() -> Table:
    """10 classes of 64 pixels; few rows."""
    return bundled("digits").part(*range(64), rows=300)


def small() -> Table:
    """40 rows of iris, for models that keep their samples."""
    return bundled("iris").part(0, 1, 2, 3, rows=40)


def small_target() -> Table:
    """40 rows of diabetes."""
    return bundled("diabetes").part(2, 3, 8, rows=40)


def pierced() -> Table:
    """Iris with missing values in two columns."""
    return holes(iris(), (1, 3))


def linear_models() -> list[Entry]:
    """Linear classifiers and regressors."""
    from sklearn import linear_model as lm
    from sklearn import svm
    from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
    from sklearn.multioutput import MultiOutputRegressor

    add = sklearn_entry
    return [
        add("LogisticRegression-binary", lambda: lm.LogisticRegression(max_iter=2000), cancer),
        add("LogisticRegression-binary-score", lambda: lm.LogisticRegression(max_iter=2000), cancer, reveal="score"),
        add("LogisticRegression-multinomial", lambda: lm.LogisticRegression(max_iter=2000), iris),
        add("LogisticRegression-l1", lambda: lm.LogisticRegression(l1_ratio=1.0, solver="saga", max_iter=500), iris),
        add("LogisticRegression-zipmap", lambda: lm.LogisticRegression(max_iter=2000), iris, zipped=False),
        add("LogisticRegression-raw", lambda: lm.LogisticRegression(max_iter=2000), iris, raw_scores=True),
        add("LogisticRegression-digits", lambda: lm.LogisticRegression(max_iter=200), digits),
        add("OneVsRest-logistic", lambda: OneVsRestClassifier(lm.LogisticRegression(max_iter=2000)), iris),
        add("OneVsOne-LinearSVC", lambda: OneVsOneClassifier(svm.LinearSVC()), iris),
        add(
            "OneVsRest-multilabel",
            lambda: OneVsRestClassifier(lm.LogisticRegression(max_iter=2000)),
            iris,
            target=lambda t: np.stack([t.y == 0, t.y != 1], axis=1).astype(int),
        ),
        add("LogisticRegressionCV", lambda: lm.LogisticRegressionCV(Cs=2, cv=2, max_iter=500), iris),
        add("RidgeClassifier", lambda: lm.RidgeClassifier(), iris),
        add("SGDClassifier-hinge", lambda: lm.SGDClassifier(random_state=1), iris),
        add("SGDClassifier-log", lambda: _scaled(lm.SGDClassifier(loss="log_loss", random_state=1)), iris),
        add("SGDClassifier-huber", lambda: lm.SGDClassifier(loss="modified_huber", random_state=1), iris),
        add("SGDClassifier-binary", lambda: lm.SGDClassifier(loss="log_loss", random_state=1), cancer),
        add("Perceptron", lambda: lm.Perceptron(random_state=1), iris),
        add(
            "SGDClassifier-squared",
            lambda: _scaled(lm.SGDClassifier(loss="squared_hinge", alpha=1.0, random_state=1)),
            cancer,
        ),
        add("LinearSVC-multiclass", lambda: svm.LinearSVC(), iris, zipped=False),
        add("LinearSVC-binary", lambda: svm.LinearSVC(), cancer, zipped=False),
        add("LinearRegression", lambda: lm.LinearRegression(), diabetes),
        add("Ridge", lambda: lm.Ridge(), diabetes),
        add("Lasso", lambda: lm.Lasso(), diabetes),
        add("ElasticNet", lambda: lm.ElasticNet(), diabetes),
        add("BayesianRidge", lambda: lm.BayesianRidge(), diabetes),
        add("ARDRegression", lambda: lm.ARDRegression(), diabetes),
        add("HuberRegressor", lambda: lm.HuberRegressor(max_iter=1000), diabetes),
        add("TheilSenRegressor", lambda: lm.TheilSenRegressor(random_state=1, max_subpopulation=50), small_target),
        add("RANSACRegressor", lambda: lm.RANSACRegressor(random_state=1), diabetes),
        add("QuantileRegressor", lambda: lm.QuantileRegressor(alpha=0.1), small_target),
        add("Lars", lambda: lm.Lars(), diabetes),
        add("OrthogonalMatchingPursuit", lambda: lm.OrthogonalMatchingPursuit(), diabetes),
        add("SGDRegressor", lambda: _scaled(lm.SGDRegressor(random_state=1)), diabetes),
        add("PoissonRegressor", lambda: _scaled(lm.PoissonRegressor()), diabetes),
        add("GammaRegressor", lambda: _scaled(lm.GammaRegressor()), diabetes),
        add("TweedieRegressor", lambda: _scaled(lm.TweedieRegressor(power=1.5)), diabetes),
        add("LinearRegression-targets", lambda: lm.LinearRegression(), diabetes, target=_two),
        add("MultiOutputRegressor", lambda: MultiOutputRegressor(lm.Ridge()), diabetes, target=_two),
        add("MultiTaskLasso", lambda: lm.MultiTaskLasso(), diabetes, target=_two),
    ]


def machines() -> list[Entry]:
    """Support vector machines."""
    from sklearn import svm

    add = sklearn_entry
    kernels = ("linear", "poly", "rbf", "sigmoid")
    entries = [add(f"SVC-{kernel}-binary", functools.partial(_svc, kernel=kernel), cancer) for kernel in kernels]
    entries += [add(f"SVC-{kernel}-multiclass", functools.partial(_svc, kernel=kernel), iris) for kernel in kernels]
    entries += [add(f"SVR-{kernel}", functools.partial(_svr, kernel=kernel), small_target) for kernel in kernels]
    return [
        *entries,
        add("SVC-probability-binary", lambda: _svc(kernel="rbf", probability=True), cancer),
        add("SVC-probability-label", lambda: _svc(kernel="rbf", probability=True), iris, output="label"),
        add("SVC-probability-multiclass", lambda: _svc(kernel="rbf", probability=True), iris),
        add(
            "SVC-probability-digits",
            lambda: svm.SVC(kernel="linear", probability=True, random_state=1),
            digits,
            reveal="score",
            output="probabilities",
        ),
        add("SVC-poly-digits", lambda: svm.SVC(kernel="poly", degree=2, random_state=1), digits),
        add("SVC-votes", lambda: _svc(decision_function_shape="ovo"), iris),
        add("NuSVC", lambda: _scaled(svm.NuSVC()), iris),
        add("NuSVC-probability", lambda: _scaled(svm.NuSVC(probability=True, random_state=1)), cancer),
        add("NuSVR", lambda: _scaled(svm.NuSVR()), small_target),
        add("LinearSVR", lambda: _scaled(svm.LinearSVR()), diabetes),
        add("OneClassSVM", lambda: _scaled(svm.OneClassSVM(nu=0.1)), small),
    ]


def neighbours_and_bayes() -> list[Entry]:
    """Naive Bayes, nearest neighbours, discriminants, mixtures, clusters, Gaussian processes."""
    from sklearn import naive_bayes as nb
    from sklearn import neighbors as kn
    from sklearn.cluster import KMeans
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.mixture import GaussianMixture

    add = sklearn_entry
    return [
        add("GaussianNB", lambda: nb.GaussianNB(), iris),
        add("GaussianNB-score", lambda: nb.GaussianNB(), iris, output="probabilities"),
        add("BernoulliNB", lambda: nb.BernoulliNB(binarize=3.0), iris),
        add("MultinomialNB", lambda: nb.MultinomialNB(), iris),
        add("ComplementNB", lambda: nb.ComplementNB(), iris),
        add("KNeighborsClassifier", lambda: kn.KNeighborsClassifier(3), small),
        add("KNeighborsRegressor", lambda: kn.KNeighborsRegressor(3), small_target),
        add("KNeighbors-distance", lambda: kn.KNeighborsRegressor(3, weights="distance"), small_target),
        add("LDA", lambda: LinearDiscriminantAnalysis(), iris),
        add("QDA", lambda: QuadraticDiscriminantAnalysis(), iris),
        add("GaussianMixture-full", lambda: GaussianMixture(3, random_state=1), iris),
        add("GaussianMixture-diag", lambda: GaussianMixture(3, covariance_type="diag", random_state=1), iris),
        add("KMeans", lambda: KMeans(3, random_state=1, n_init=1), iris, output="label"),
        add("KMeans-distances", lambda: KMeans(3, random_state=1, n_init=1), iris, output="scores", reveal="score"),
        add("GaussianProcessRegressor", lambda: _scaled(GaussianProcessRegressor(alpha=1.0)), small_target),
    ]


def trees() -> list[Entry]:
    """Trees and ensembles of them."""
    from sklearn import ensemble as en
    from sklearn import tree

    add = sklearn_entry
    few = {"n_estimators": 8, "random_state": 1}
    return [
        add("DecisionTreeClassifier", lambda: tree.DecisionTreeClassifier(max_depth=4), iris),
        add("DecisionTreeClassifier-binary", lambda: tree.DecisionTreeClassifier(max_depth=5), cancer),
        add("DecisionTreeRegressor", lambda: tree.DecisionTreeRegressor(max_depth=5), diabetes),
        add("ExtraTreeClassifier", lambda: tree.ExtraTreeClassifier(random_state=1), iris),
        add("RandomForestClassifier", lambda: en.RandomForestClassifier(max_depth=4, **few), iris),
        add("RandomForestClassifier-binary", lambda: en.RandomForestClassifier(max_depth=5, **few), cancer),
        add("RandomForestRegressor", lambda: en.RandomForestRegressor(max_depth=5, **few), diabetes),
        add("ExtraTreesClassifier", lambda: en.ExtraTreesClassifier(max_depth=5, **few), wine),
        add("ExtraTreesRegressor", lambda: en.ExtraTreesRegressor(max_depth=5, **few), diabetes),
        add("GradientBoostingClassifier", lambda: en.GradientBoostingClassifier(max_depth=3, **few), iris),
        add("GradientBoosting-binary", lambda: en.GradientBoostingClassifier(max_depth=3, **few), cancer),
        add("GradientBoostingRegressor", lambda: en.GradientBoostingRegressor(max_depth=3, **few), diabetes),
        add("HistGradientBoosting", lambda: en.HistGradientBoostingClassifier(max_iter=5), iris),
        add("HistGradientBoosting-binary", lambda: en.HistGradientBoostingClassifier(max_iter=8), cancer),
        add("HistGradientBoostingRegressor", lambda: en.HistGradientBoostingRegressor(max_iter=8), diabetes),
        add("HistGradientBoosting-missing", lambda: en.HistGradientBoostingClassifier(max_iter=5), pierced),
        add("AdaBoostClassifier", lambda: en.AdaBoostClassifier(n_estimators=5, random_state=1), iris),
        add("AdaBoostRegressor", lambda: en.AdaBoostRegressor(n_estimators=3, random_state=1), diabetes),
        add("IsolationForest", lambda: en.IsolationForest(n_estimators=5, max_samples=32, random_state=1), iris),
    ]


def compositions() -> list[Entry]:
    """Models of models, and networks."""
    from sklearn import ensemble as en
    from sklearn import linear_model as lm
    from sklearn import svm, tree
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    def logistic() -> Any:
        return lm.LogisticRegression(max_iter=2000)

    def members() -> list[tuple[str, Any]]:
        return [("a", logistic()), ("b", tree.DecisionTreeClassifier(max_depth=2))]

    def regressors() -> list[tuple[str, Any]]:
        return [("a", lm.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3))]

    add = sklearn_entry
    networks = [
        add(
            f"MLPClassifier-{activation}",
            functools.partial(_mlp, MLPClassifier, activation),
            iris,
        )
        for activation in ("relu", "tanh", "logistic", "identity")
    ]
    networks += [
        add(f"MLPRegressor-{activation}", functools.partial(_mlp, MLPRegressor, activation), diabetes)
        for activation in ("relu", "tanh", "logistic", "identity")
    ]
    soft: dict[str, Any] = {"voting": "soft", "flatten_transform": False}
    return [
        *networks,
        add("MLPClassifier-binary", lambda: _mlp(MLPClassifier, "relu"), cancer),
        add("Bagging-logistic", lambda: en.BaggingClassifier(logistic(), 3, random_state=1), iris),
        add("Bagging-tree", lambda: en.BaggingClassifier(n_estimators=3, random_state=1), iris),
        add("BaggingRegressor", lambda: en.BaggingRegressor(lm.Ridge(), 3, random_state=1), diabetes),
        add("Voting-soft", lambda: en.VotingClassifier(members(), **soft), iris),
        add("Voting-hard", lambda: en.VotingClassifier(members(), flatten_transform=False), iris),
        add("Voting-binary", lambda: en.VotingClassifier([("a", logistic()), ("b", GaussianNB())], **soft), cancer),
        add("VotingRegressor", lambda: en.VotingRegressor(regressors()), diabetes),
        add("Stacking", lambda: en.StackingClassifier(members()), iris),
        add("Stacking-binary", lambda: en.StackingClassifier(members()), cancer),
        add("StackingRegressor", lambda: en.StackingRegressor(regressors()), diabetes),
        add("Calibrated-sigmoid", lambda: CalibratedClassifierCV(logistic(), cv=2), iris),
        add("Calibrated-LinearSVC", lambda: CalibratedClassifierCV(svm.LinearSVC(), cv=2), cancer),
        add("Calibrated-isotonic", lambda: CalibratedClassifierCV(logistic(), cv=2, method="isotonic"), cancer),
    ]


def preprocessing() -> list[Entry]:
    """A transformer before a logistic regression."""
    from sklearn import decomposition as de
    from sklearn import feature_selection as fs
    from sklearn import linear_model as lm
    from sklearn import preprocessing as pp
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    transformers: dict[str, tuple[Any, Any]] = {
        "StandardScaler": (lambda: pp.StandardScaler(), wine),
        "MinMaxScaler": (lambda: pp.MinMaxScaler(), wine),
        "MinMaxScaler-clip": (lambda: pp.MinMaxScaler(clip=True), wine),
        "RobustScaler": (lambda: pp.RobustScaler(), wine),
        "MaxAbsScaler": (lambda: pp.MaxAbsScaler(), wine),
        "Normalizer-l2": (lambda: pp.Normalizer(), iris),
        "Normalizer-l1": (lambda: pp.Normalizer("l1"), iris),
        "Normalizer-max": (lambda: pp.Normalizer("max"), iris),
        "Binarizer": (lambda: pp.Binarizer(threshold=2.5), iris),
        "PolynomialFeatures": (lambda: pp.PolynomialFeatures(2), iris),
        "PolynomialFeatures-interactions": (lambda: pp.PolynomialFeatures(3, interaction_only=True), iris),
        "KBinsDiscretizer": (lambda: pp.KBinsDiscretizer(4, encode="onehot-dense"), iris),
        "KBinsDiscretizer-ordinal": (lambda: pp.KBinsDiscretizer(4, encode="ordinal"), iris),
        "PowerTransformer": (lambda: pp.PowerTransformer(), iris),
        "PowerTransformer-box-cox": (lambda: pp.PowerTransformer("box-cox"), iris),
        "QuantileTransformer": (lambda: pp.QuantileTransformer(n_quantiles=8), iris),
        "PCA": (lambda: de.PCA(2), iris),
        "PCA-whiten": (lambda: de.PCA(2, whiten=True), iris),
        "TruncatedSVD": (lambda: de.TruncatedSVD(2), iris),
        "KernelPCA": (lambda: de.KernelPCA(2, kernel="rbf"), small),
        "SelectKBest": (lambda: fs.SelectKBest(k=2), iris),
        "VarianceThreshold": (lambda: fs.VarianceThreshold(0.5), iris),
        "FunctionTransformer": (lambda: pp.FunctionTransformer(), iris),
        "SimpleImputer-mean": (lambda: SimpleImputer(), pierced),
        "SimpleImputer-constant": (lambda: SimpleImputer(strategy="constant", fill_value=-1.0), pierced),
    }
    return [
        sklearn_entry(
            f"{name}+logistic",
            functools.partial(_piped, make_pipeline, make, lm.LogisticRegression),
            table,
        )
        for name, (make, table) in transformers.items()
    ]


def _piped(make_pipeline: Any, make: Any, regression: Any) -> Any:
    return make_pipeline(make(), regression(max_iter=2000))


def _scaled(model: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), model)


def _svc(**options: Any) -> Any:
    from sklearn.svm import SVC

    return _scaled(SVC(random_state=1, **options))


def _svr(**options: Any) -> Any:
    from sklearn.svm import SVR

    return _scaled(SVR(C=10.0, **options))


def _mlp(kind: Any, activation: str) -> Any:
    return _scaled(kind(hidden_layer_sizes=(8,), activation=activation, max_iter=200, random_state=1))


def _two(table: Table) -> Any:
    return np.stack([table.y, table.y**0.5], axis=1)


def entries() -> list[Entry]:
    """All of them."""
    families = (linear_models, machines, neighbours_and_bayes, trees, compositions, preprocessing)
    return [entry for family in families for entry in family()]
