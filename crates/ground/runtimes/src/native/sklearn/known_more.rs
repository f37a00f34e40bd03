//! The same as `known`, for naive Bayes, networks, support vectors, ensembles of any estimators, searches, projections,
//! selections, and transformations to other distributions.

pub(super) const MORE: &[(&str, &str)] = &[
    (
        "AdaBoostClassifier",
        "algorithm classes_ estimator estimator_ estimator_errors_ estimator_params estimator_weights_ \
     estimators_ learning_rate n_classes_ n_estimators random_state",
    ),
    (
        "AdaBoostRegressor",
        "estimator estimator_ estimator_errors_ estimator_params estimator_weights_ estimators_ \
     learning_rate loss n_estimators random_state",
    ),
    (
        "BaggingClassifier",
        "_max_features _max_samples _n_samples _sample_weight _seeds bootstrap bootstrap_features \
     classes_ estimator estimator_ estimator_params estimators_ estimators_features_ max_features \
     max_samples n_classes_ n_estimators n_features_ n_jobs oob_decision_function_ oob_score \
     oob_score_ random_state verbose warm_start",
    ),
    (
        "BaggingRegressor",
        "_max_features _max_samples _n_samples _sample_weight _seeds bootstrap bootstrap_features \
     estimator estimator_ estimator_params estimators_ estimators_features_ max_features max_samples \
     n_estimators n_features_ n_jobs oob_prediction_ oob_score oob_score_ random_state verbose \
     warm_start",
    ),
    (
        "BernoulliNB",
        "alpha binarize class_count_ class_log_prior_ class_prior classes_ feature_count_ \
     feature_log_prob_ fit_prior force_alpha",
    ),
    ("CalibratedClassifierCV", "calibrated_classifiers_ classes_ cv ensemble estimator method n_jobs"),
    (
        "ComplementNB",
        "alpha class_count_ class_log_prior_ class_prior classes_ feature_all_ feature_count_ \
     feature_log_prob_ fit_prior force_alpha norm",
    ),
    ("FeatureUnion", "n_jobs transformer_list transformer_weights verbose verbose_feature_names_out"),
    ("GaussianNB", "class_count_ class_prior_ classes_ epsilon_ priors theta_ var_ var_smoothing"),
    (
        "GridSearchCV",
        "_checked_cv_orig best_estimator_ best_index_ best_params_ best_score_ cv cv_results_ error_score \
     estimator multimetric_ n_jobs n_splits_ param_grid pre_dispatch refit refit_time_ \
     return_train_score scorer_ scoring verbose",
    ),
    (
        "MLPClassifier",
        "_best_coefs _best_intercepts _label_binarizer _no_improvement_count _optimizer _random_state \
     activation alpha batch_size best_loss_ best_validation_score_ beta_1 beta_2 classes_ coefs_ \
     early_stopping epsilon hidden_layer_sizes intercepts_ learning_rate learning_rate_init loss \
     loss_ loss_curve_ max_fun max_iter momentum n_iter_ n_iter_no_change n_layers_ n_outputs_ \
     nesterovs_momentum out_activation_ power_t random_state shuffle solver t_ tol \
     validation_fraction validation_scores_ verbose warm_start",
    ),
    (
        "MLPRegressor",
        "_best_coefs _best_intercepts _no_improvement_count _optimizer _random_state activation alpha \
     batch_size best_loss_ best_validation_score_ beta_1 beta_2 coefs_ early_stopping epsilon \
     hidden_layer_sizes intercepts_ learning_rate learning_rate_init loss loss_ loss_curve_ max_fun \
     max_iter momentum n_iter_ n_iter_no_change n_layers_ n_outputs_ nesterovs_momentum \
     out_activation_ power_t random_state shuffle solver t_ tol validation_fraction \
     validation_scores_ verbose warm_start",
    ),
    ("MultiOutputRegressor", "estimator estimators_ n_jobs"),
    (
        "MultinomialNB",
        "alpha class_count_ class_log_prior_ class_prior classes_ feature_count_ feature_log_prob_ \
     fit_prior force_alpha",
    ),
    (
        "NuSVC",
        "C _dual_coef_ _effective_probability _gamma _intercept_ _n_support _num_iter _probA _probB \
     _sparse break_ties cache_size class_weight class_weight_ classes_ coef0 decision_function_shape \
     degree dual_coef_ epsilon fit_status_ gamma intercept_ kernel max_iter n_iter_ nu probability \
     random_state shape_fit_ shrinking support_ support_vectors_ tol verbose",
    ),
    (
        "NuSVR",
        "C _dual_coef_ _effective_probability _gamma _intercept_ _n_support _num_iter _probA _probB \
     _sparse cache_size class_weight class_weight_ coef0 degree dual_coef_ epsilon fit_status_ gamma \
     intercept_ kernel max_iter n_iter_ nu probability random_state shape_fit_ shrinking support_ \
     support_vectors_ tol verbose",
    ),
    (
        "PCA",
        "_fit_svd_solver _n_features_out components_ copy explained_variance_ explained_variance_ratio_ \
     iterated_power mean_ n_components n_components_ n_oversamples n_samples_ noise_variance_ \
     power_iteration_normalizer random_state singular_values_ svd_solver tol whiten",
    ),
    (
        "RFE",
        "estimator estimator_ importance_getter n_features_ n_features_to_select ranking_ step support_ \
     verbose",
    ),
    (
        "RFECV",
        "cv cv_results_ estimator estimator_ importance_getter min_features_to_select n_features_ n_jobs \
     ranking_ scoring step step_support_ support_ verbose",
    ),
    (
        "RandomizedSearchCV",
        "_checked_cv_orig best_estimator_ best_index_ best_params_ best_score_ cv cv_results_ error_score \
     estimator multimetric_ n_iter n_jobs n_splits_ param_distributions pre_dispatch random_state \
     refit refit_time_ return_train_score scorer_ scoring verbose",
    ),
    (
        "SVC",
        "C _dual_coef_ _effective_probability _gamma _intercept_ _n_support _num_iter _probA _probB \
     _sparse break_ties cache_size class_weight class_weight_ classes_ coef0 decision_function_shape \
     degree dual_coef_ epsilon fit_status_ gamma intercept_ kernel max_iter n_iter_ nu probability \
     random_state shape_fit_ shrinking support_ support_vectors_ tol verbose",
    ),
    (
        "SVR",
        "C _dual_coef_ _effective_probability _gamma _intercept_ _n_support _num_iter _probA _probB \
     _sparse cache_size class_weight class_weight_ coef0 degree dual_coef_ epsilon fit_status_ gamma \
     intercept_ kernel max_iter n_iter_ nu probability random_state shape_fit_ shrinking support_ \
     support_vectors_ tol verbose",
    ),
    ("SelectFpr", "alpha pvalues_ score_func scores_"),
    ("SelectFwe", "alpha pvalues_ score_func scores_"),
    ("SelectKBest", "k pvalues_ score_func scores_"),
    ("SelectPercentile", "percentile pvalues_ score_func scores_"),
    (
        "SequentialFeatureSelector",
        "cv direction estimator n_features_to_select n_features_to_select_ n_jobs scoring support_ tol",
    ),
    (
        "StackingClassifier",
        "_label_encoder _n_feature_outs classes_ cv estimators estimators_ final_estimator \
     final_estimator_ n_jobs named_estimators_ passthrough stack_method stack_method_ verbose",
    ),
    (
        "StackingRegressor",
        "_n_feature_outs cv estimators estimators_ final_estimator final_estimator_ n_jobs \
     named_estimators_ passthrough stack_method stack_method_ verbose",
    ),
    (
        "TruncatedSVD",
        "_n_features_out algorithm components_ explained_variance_ explained_variance_ratio_ n_components \
     n_iter n_oversamples power_iteration_normalizer random_state singular_values_ tol",
    ),
    (
        "VotingClassifier",
        "classes_ estimators estimators_ flatten_transform le_ n_jobs named_estimators_ verbose voting \
     weights",
    ),
    ("VotingRegressor", "estimators estimators_ n_jobs named_estimators_ verbose weights"),
    (
        "IsotonicRegression",
        "X_max_ X_min_ X_thresholds_ increasing increasing_ out_of_bounds y_max y_min y_thresholds_",
    ),
    (
        "KNeighborsClassifier",
        "_fit_X _fit_method _tree _y algorithm classes_ effective_metric_ effective_metric_params_ leaf_size metric \
         metric_params n_jobs n_neighbors n_samples_fit_ outputs_2d_ p radius weights",
    ),
    (
        "KNeighborsRegressor",
        "_fit_X _fit_method _tree _y algorithm effective_metric_ effective_metric_params_ leaf_size metric metric_params \
         n_jobs n_neighbors n_samples_fit_ p radius weights",
    ),
    ("MultiOutputClassifier", "classes_ estimator estimators_ n_jobs"),
    ("OneVsOneClassifier", "classes_ estimator estimators_ n_jobs pairwise_indices_"),
    ("OneVsRestClassifier", "classes_ estimator estimators_ label_binarizer_ n_jobs verbose"),
    ("PowerTransformer", "_scaler copy lambdas_ method standardize"),
    (
        "QuadraticDiscriminantAnalysis",
        "classes_ covariance_ covariance_estimator means_ priors priors_ reg_param rotations_ scalings_ shrinkage \
         solver store_covariance tol",
    ),
    (
        "QuantileTransformer",
        "copy ignore_implicit_zeros n_quantiles n_quantiles_ output_distribution quantiles_ random_state \
         references_ subsample",
    ),
    (
        "SelectFromModel",
        "estimator estimator_ importance_getter max_features max_features_ norm_order prefit threshold",
    ),
    (
        "TargetEncoder",
        "_infrequent_enabled categories categories_ classes_ cv encodings_ random_state shuffle smooth target_mean_ \
         target_type target_type_",
    ),
];
