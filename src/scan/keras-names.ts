/**
 * Names that Keras itself has: the classes and functions of its building blocks, from Keras 3.15 and from the
 * layers of Keras 1 and 2. None of them reads a file, calls what it is given by name, or holds code.
 */

/** Classes; old configurations name them without a module. */
export const KERAS_CLASSES: ReadonlySet<string> = words(`
  AUC AWQConfig AWQDTypePolicy AbsMaxQuantizer AbstractRNNCell Accuracy Activation
  ActivityRegularization Adadelta Adafactor Adagrad Adam AdamW Adamax AdaptiveAveragePooling1D
  AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D
  AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout AtrousConvolution2D Attention AugMix
  AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D
  AvgPool3D BatchNormalization BatchNormalizationV1 BatchNormalizationV2 Bidirectional
  BinaryAccuracy BinaryCrossentropy BinaryFocalCrossentropy BinaryIoU CTC CategoricalAccuracy
  CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy
  CategoricalHinge CategoryEncoding CenterCrop Circle ClassMethod CompileLoss CompileMetrics
  Concatenate ConcordanceCorrelation Constant Constraint
  ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
  Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM2DCell ConvLSTM3D Convolution1D
  Convolution1DTranspose Convolution2D Convolution2DTranspose Convolution3D Convolution3DTranspose
  CosineDecay CosineDecayRestarts CosineProximity CosineSimilarity Cropping1D Cropping2D Cropping3D
  CuDNNGRU CuDNNLSTM CutMix DTypePolicy DTypePolicyMap Dense DenseFeatures DepthwiseConv1D
  DepthwiseConv2D Dice Discretization Dot Dropout ELU EinsumDense Embedding Equalization
  ExponentialDecay F1Score FBetaScore FalseNegatives FalsePositives Flatten Float8QuantizationConfig
  FloatDTypePolicy Ftrl Functional GPTQConfig GPTQDTypePolicy GRU GRUCell GRUV1 GaussianDropout
  GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D
  GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D
  GlobalMaxPooling2D GlobalMaxPooling3D GlorotNormal GlorotUniform GroupNormalization
  GroupQueryAttention HashedCrossing Hashing HeNormal HeUniform Highway Hinge Huber Identity
  IdentityInitializer Initializer InputLayer InputLayerV1 InputSpec InstanceMethod Int4DTypePolicy
  Int4QuantizationConfig Int8QuantizationConfig IntegerLookup InverseTimeDecay IoU KLD KLDivergence
  L1 L1L2 L2 LSTM LSTMCell LSTMV1 Lamb Layer LayerNormalization LeakyReLU LearningRateSchedule
  LecunNormal LecunUniform Lion LocallyConnected1D LocallyConnected2D LogCosh LogCoshError Loss
  LossFunctionWrapper LossScaleOptimizer Masking MaxNorm MaxNumBoundingBoxes MaxPool1D MaxPool2D
  MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum MaxoutDense Mean MeanAbsoluteError
  MeanAbsolutePercentageError MeanIoU MeanMetricWrapper MeanRelativeError MeanSquaredError
  MeanSquaredLogarithmicError MeanTensor MelSpectrogram Merge Metric MetricsList MinMaxNorm Minimum
  MixUp Model ModelWrapper MultiHeadAttention MultiOptimizer Multiply Muon Nadam NonNeg
  Normalization OneHotIoU OneHotMeanIoU Ones Optimizer OptimizerMap Orthogonal OrthogonalInitializer
  OrthogonalRegularizer PReLU PearsonCorrelation Permute PiecewiseConstantDecay Pipeline Poisson
  Policy PolynomialDecay Precision PrecisionAtRecall PreprocessingLayer QuantizationConfig
  QuantizedDTypePolicy QuantizedFloat8DTypePolicy Quantizer R2Score RMSNormalization RMSprop RNN
  RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
  RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHeight
  RandomHue RandomInvert RandomNormal RandomPerspective RandomPosterization RandomRotation
  RandomSaturation RandomSharpness RandomShear RandomTranslation RandomUniform RandomWidth
  RandomZoom ReLU Recall RecallAtPrecision Regularizer RepeatVector Rescaling Reshape Resizing
  ReversibleEmbedding RootMeanSquaredError SGD STFT STFTInitializer STFTSpectrogram
  ScheduleFreeAdamW SeedGenerator SensitivityAtSpecificity SeparableConv1D SeparableConv2D
  SeparableConvolution1D SeparableConvolution2D Sequential SimpleRNN SimpleRNNCell Softmax
  Solarization SparseCategoricalAccuracy SparseCategoricalCrossentropy SparseMetricWrapper
  SparseTopKCategoricalAccuracy SpatialDropout1D SpatialDropout2D SpatialDropout3D
  SpecificityAtSensitivity SpectralNormalization SquaredHinge StackedRNNCells StringLookup Subtract
  Sum SumOverBatchSize SyncBatchNormalization TensorFlowOpLayer TextVectorization ThresholdedReLU
  TimeDistributed TopKCategoricalAccuracy TrueNegatives TruePositives TruncatedNormal Tversky
  UninitializedVariable UnitNorm UnitNormalization UpSampling1D UpSampling2D UpSampling3D
  VarianceScaling Wrapper ZeroPadding1D ZeroPadding2D ZeroPadding3D Zeros constant glorot_normal
  glorot_uniform he_normal he_uniform identity l1 l1_l2 l2 lecun_normal lecun_uniform max_norm
  min_max_norm non_neg ones orthogonal orthogonal_regularizer random_normal random_uniform stft
  truncated_normal unit_norm variance_scaling zeros
`);

/** Functions: activations, losses, metrics, initializers, regularizers and constraints. */
export const KERAS_FUNCTIONS: ReadonlySet<string> = words(`
  acc accuracy bce binary_accuracy binary_crossentropy binary_focal_crossentropy
  categorical_accuracy categorical_crossentropy categorical_focal_crossentropy
  categorical_generalized_cross_entropy categorical_hinge celu circle concordance_correlation cosine
  cosine_proximity cosine_similarity crossentropy ctc dice elu exponential gelu glu hard_shrink
  hard_sigmoid hard_silu hard_swish hard_tanh hinge huber kl_divergence kld
  kullback_leibler_divergence leaky_relu linear log_cosh log_sigmoid log_softmax logcosh mae mape
  mean_absolute_error mean_absolute_percentage_error mean_squared_error
  mean_squared_logarithmic_error mish mse msle pearson_correlation poisson prelu relu relu6 relu_v2
  selu sigmoid sigmoid_v2 silu soft_shrink softmax softmax_v2 softplus softplus_v2 softsign
  sparse_categorical_accuracy sparse_categorical_crossentropy sparse_categorical_focal_crossentropy
  sparse_plus sparse_sigmoid sparse_top_k_categorical_accuracy sparsemax squared_hinge squareplus
  swish tanh tanh_shrink tanh_v2 threshold top_k_categorical_accuracy tversky
`);

/** Values that JSON cannot write. */
export const KERAS_MARKERS: ReadonlySet<string> = words(
  '__keras_tensor__ __tensor__ __numpy__ __bytes__ __ellipsis__ __slice__ __tuple__ TensorShape TypeSpec __set__',
);

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
