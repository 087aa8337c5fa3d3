/**
 * The messages of a CoreML model by field number, from the descriptors of coremltools 9
 * (https://github.com/apple/coremltools/tree/main/mlmodel/format). There are some 350, so they stand as a table: a name
 * and a colon begin a message, `12>Name` is a field that is a message, `12t` text that is kept, `12p` what is plain,
 * `12d` data, and `12-15d` four fields at once.
 */
import type { Field, Schema } from '../protobuf.ts';

const KINDS: Readonly<Record<string, Field>> = {
  t: { kind: 'text' },
  p: { kind: 'plain' },
  d: { kind: 'data' },
};

function read(table: string): Schema {
  const schema: Record<string, Record<number, Field>> = {};
  let message: Record<number, Field> = {};
  for (const token of table.trim().split(/\s+/)) {
    if (token.endsWith(':')) {
      message = {};
      schema[token.slice(0, -1)] = message;
      continue;
    }
    const [, from, to = from, kind = '', name] = /^(\d+)(?:-(\d+))?(?:([tpd])|>(.+))$/.exec(token) ?? [];
    const field: Field | undefined = name === undefined ? KINDS[kind] : { kind: 'message', name };
    if (field === undefined) throw new Error(`the table of messages has the token ${token}`);
    for (let number = Number(from); number <= Number(to); number += 1) message[number] = field;
  }
  return schema;
}

export const COREML_SCHEMA: Schema = read(`
  AcosLayerParams: AcoshLayerParams: ActivationELU: 1p ActivationLeakyReLU: 1p ActivationLinear: 1-2p
  ActivationPReLU: 1>WeightParams ActivationParametricSoftplus: 1>WeightParams 2>WeightParams
  ActivationParams: 5>ActivationLinear 10>ActivationReLU 15>ActivationLeakyReLU 20>ActivationThresholdedReLU
  25>ActivationPReLU 30>ActivationTanh 31>ActivationScaledTanh 40>ActivationSigmoid 41>ActivationSigmoidHard
  50>ActivationELU 60>ActivationSoftsign 70>ActivationSoftplus 71>ActivationParametricSoftplus
  ActivationReLU: ActivationScaledTanh: 1-2p ActivationSigmoid: ActivationSigmoidHard: 1-2p
  ActivationSoftplus: ActivationSoftsign: ActivationTanh: ActivationThresholdedReLU: 1p AdamOptimizer:
  1>DoubleParameter 2>Int64Parameter 3>DoubleParameter 4>DoubleParameter 5>DoubleParameter
  AddBroadcastableLayerParams: AddLayerParams: 1p ArgMaxLayerParams: 1-2p ArgMinLayerParams: 1-2p
  ArgSortLayerParams: 1-2p ArrayFeatureExtractor: 1d ArrayFeatureType: 1d 2p
  21>ArrayFeatureType.EnumeratedShapes 31>ArrayFeatureType.ShapeRange 41p 51p 61p
  ArrayFeatureType.EnumeratedShapes: 1>ArrayFeatureType.Shape ArrayFeatureType.Shape: 1d
  ArrayFeatureType.ShapeRange: 1>SizeRange AsinLayerParams: AsinhLayerParams: AtanLayerParams:
  AtanhLayerParams: AverageLayerParams: BatchedMatMulLayerParams: 1-2p 5-7p 8>WeightParams 9>WeightParams
  10p BatchnormLayerParams: 1p 5-6p 10p 15>WeightParams 16>WeightParams 17>WeightParams 18>WeightParams
  BayesianProbitRegressor: 1p 2>BayesianProbitRegressor.Gaussian 3>BayesianProbitRegressor.FeatureWeight
  10-13p 20-23p BayesianProbitRegressor.FeatureValueWeight: 1p 2>BayesianProbitRegressor.Gaussian
  BayesianProbitRegressor.FeatureWeight: 1p 2>BayesianProbitRegressor.FeatureValueWeight
  BayesianProbitRegressor.Gaussian: 1-2p BiDirectionalLSTMLayerParams: 1-2p 10>ActivationParams
  11>ActivationParams 15>LSTMParams 20>LSTMWeightParams BiasLayerParams: 1d 2>WeightParams BoolParameter: 1p
  BorderAmounts: 10>BorderAmounts.EdgeSizes BorderAmounts.EdgeSizes: 1-2p BoxCoordinatesMode: 1p
  BranchLayerParams: 1>NeuralNetwork 2>NeuralNetwork BroadcastToDynamicLayerParams:
  BroadcastToLikeLayerParams: BroadcastToStaticLayerParams: 1d CategoricalCrossEntropyLossLayer: 1-2p
  CategoricalDistributionLayerParams: 1-5p CategoricalMapping: 1>StringToInt64Map 2>Int64ToStringMap
  101-102p CeilLayerParams: ClampedReLULayerParams: 1-2p ClassConfidenceThresholding:
  100>PrecisionRecallCurve ClipLayerParams: 1-2p Coefficients: 1d ConcatLayerParams: 100p
  ConcatNDLayerParams: 1-2p ConstantPaddingLayerParams: 1p 2d 3p Convolution3DLayerParams: 1-2p 10p 20-22p
  31-33p 40-42p 50p 60>WeightParams 61>WeightParams 70p 80-86p 87d ConvolutionLayerParams: 1-2p 10p 20d 30d
  40d 50>ValidPadding 51>SamePadding 60p 70p 90>WeightParams 91>WeightParams 100d CopyLayerParams:
  CosLayerParams: CoshLayerParams: CropLayerParams: 1>BorderAmounts 5d CropResizeLayerParams: 1d 2p
  3>SamplingMode 4>BoxCoordinatesMode 5p CumSumLayerParams: 1-3p CustomLayerParams: 10t 20>WeightParams
  30>CustomLayerParams.ParametersEntry 40p CustomLayerParams.CustomLayerParamValue: 10p 20p 30p 40p 50p
  CustomLayerParams.ParametersEntry: 1p 2>CustomLayerParams.CustomLayerParamValue CustomModel: 10t
  30>CustomModel.ParametersEntry 40p CustomModel.CustomModelParamValue: 10p 20p 30p 40p 50p 60d
  CustomModel.ParametersEntry: 1p 2>CustomModel.CustomModelParamValue DenseSupportVectors: 1>DenseVector
  DenseVector: 1d DictVectorizer: 1>StringVector 2>Int64Vector DictionaryFeatureType: 1>Int64FeatureType
  2>StringFeatureType DivideBroadcastableLayerParams: DotProductLayerParams: 1p DoubleFeatureType:
  DoubleParameter: 1p 10>DoubleRange DoubleRange: 1-2p DoubleVector: 1d EmbeddingLayerParams: 1-2p 10p
  20>WeightParams 21>WeightParams EmbeddingNDLayerParams: 1-3p 20>WeightParams 21>WeightParams
  EqualLayerParams: 1p ErfLayerParams: Exp2LayerParams: ExpandDimsLayerParams: 1d FeatureDescription: 1-2p
  3>FeatureType FeatureType: 1>Int64FeatureType 2>DoubleFeatureType 3>StringFeatureType 4>ImageFeatureType
  5>ArrayFeatureType 6>DictionaryFeatureType 7>SequenceFeatureType 8>StateFeatureType 1000p
  FeatureVectorizer: 1>FeatureVectorizer.InputColumn FeatureVectorizer.InputColumn: 1-2p
  FillDynamicLayerParams: 1p FillLikeLayerParams: 1p FillStaticLayerParams: 1p 2d FlattenLayerParams: 1p
  FlattenTo2DLayerParams: 1p FloatVector: 1d FloorDivBroadcastableLayerParams: FloorLayerParams:
  FunctionDescription: 1p 2>FeatureDescription 3>FeatureDescription 4-5p 6>FeatureDescription GLMClassifier:
  1>GLMClassifier.DoubleArray 2d 3-4p 100>StringVector 101>Int64Vector GLMClassifier.DoubleArray: 1d
  GLMRegressor: 1>GLMRegressor.DoubleArray 2d 3p GLMRegressor.DoubleArray: 1d GRULayerParams: 1-2p
  10>ActivationParams 15p 20p 30>WeightParams 31>WeightParams 32>WeightParams 50>WeightParams
  51>WeightParams 52>WeightParams 70>WeightParams 71>WeightParams 72>WeightParams 100p
  GatherAlongAxisLayerParams: 1p GatherLayerParams: 1p GatherNDLayerParams: GeluLayerParams: 1p
  GetShapeLayerParams: GlobalPooling3DLayerParams: 1p GreaterEqualLayerParams: 2p GreaterThanLayerParams: 2p
  Identity: ImageFeatureType: 1-3p 21>ImageFeatureType.EnumeratedImageSizes
  31>ImageFeatureType.ImageSizeRange ImageFeatureType.EnumeratedImageSizes: 1>ImageFeatureType.ImageSize
  ImageFeatureType.ImageSize: 1-2p ImageFeatureType.ImageSizeRange: 1>SizeRange 2>SizeRange Imputer: 1-3p
  4>DoubleVector 5>Int64Vector 6>StringToDoubleMap 7>Int64ToDoubleMap 11-13p InnerProductLayerParams: 1-2p
  10p 20>WeightParams 21>WeightParams 22p Int64FeatureType: Int64Parameter: 1p 10>Int64Range 11>Int64Set
  Int64Range: 1-2p Int64Set: 1d Int64ToDoubleMap: 1>Int64ToDoubleMap.MapEntry Int64ToDoubleMap.MapEntry:
  1-2p Int64ToStringMap: 1>Int64ToStringMap.MapEntry Int64ToStringMap.MapEntry: 1-2p Int64Vector: 1d
  InverseDistanceWeighting: ItemSimilarityRecommender: 1>ItemSimilarityRecommender.SimilarItems
  2>StringVector 3>Int64Vector 10-13p 20-21p ItemSimilarityRecommender.ConnectedItem: 1-2p
  ItemSimilarityRecommender.SimilarItems: 1p 2>ItemSimilarityRecommender.ConnectedItem 3p
  KNearestNeighborsClassifier: 1>NearestNeighborsIndex 3>Int64Parameter 100>StringVector 101>Int64Vector
  110-111p 200>UniformWeighting 210>InverseDistanceWeighting Kernel: 1>LinearKernel 2>RBFKernel 3>PolyKernel
  4>SigmoidKernel L2NormalizeLayerParams: 1p LRNLayerParams: 1-4p LSTMParams: 10p 20p 30p 40p 50p 60p
  LSTMWeightParams: 1>WeightParams 2>WeightParams 3>WeightParams 4>WeightParams 20>WeightParams
  21>WeightParams 22>WeightParams 23>WeightParams 40>WeightParams 41>WeightParams 42>WeightParams
  43>WeightParams 60>WeightParams 61>WeightParams 62>WeightParams LayerNormalizationLayerParams: 1d 2p
  3>WeightParams 4>WeightParams LessEqualLayerParams: 2p LessThanLayerParams: 2p LinearIndex: LinearKernel:
  LinearQuantizationParams: 1-2d LinkedModel: 1>LinkedModelFile LinkedModelFile: 1>StringParameter
  2>StringParameter LoadConstantLayerParams: 1d 2>WeightParams LoadConstantNDLayerParams: 1d 2>WeightParams
  LogicalAndLayerParams: LogicalNotLayerParams: LogicalOrLayerParams: LogicalXorLayerParams:
  LookUpTableQuantizationParams: 1d LoopBreakLayerParams: LoopContinueLayerParams: LoopLayerParams: 1-2p
  3>NeuralNetwork 4>NeuralNetwork LossLayer: 1p 10>CategoricalCrossEntropyLossLayer
  11>MeanSquaredErrorLossLayer LowerTriangularLayerParams: 1p MILSpec.Argument: 1>MILSpec.Argument.Binding
  MILSpec.Argument.Binding: 1p 2>MILSpec.Value MILSpec.Block: 1>MILSpec.NamedValueType 2d
  3>MILSpec.Operation 4>MILSpec.Block.AttributesEntry MILSpec.Block.AttributesEntry: 1p 2>MILSpec.Value
  MILSpec.DictionaryType: 1>MILSpec.ValueType 2>MILSpec.ValueType MILSpec.DictionaryValue:
  1>MILSpec.DictionaryValue.KeyValuePair MILSpec.DictionaryValue.KeyValuePair: 1>MILSpec.Value
  2>MILSpec.Value MILSpec.Dimension: 1>MILSpec.Dimension.ConstantDimension
  2>MILSpec.Dimension.UnknownDimension MILSpec.Dimension.ConstantDimension: 1p
  MILSpec.Dimension.UnknownDimension: 1p MILSpec.Function: 1>MILSpec.NamedValueType 2p
  3>MILSpec.Function.BlockSpecializationsEntry 4>MILSpec.Function.AttributesEntry
  MILSpec.Function.AttributesEntry: 1p 2>MILSpec.Value MILSpec.Function.BlockSpecializationsEntry: 1p
  2>MILSpec.Block MILSpec.ListType: 1>MILSpec.ValueType 2>MILSpec.Dimension MILSpec.ListValue:
  1>MILSpec.Value MILSpec.NamedValueType: 1p 2>MILSpec.ValueType MILSpec.Operation: 1t
  2>MILSpec.Operation.InputsEntry 3>MILSpec.NamedValueType 4>MILSpec.Block
  5>MILSpec.Operation.AttributesEntry MILSpec.Operation.AttributesEntry: 1p 2>MILSpec.Value
  MILSpec.Operation.InputsEntry: 1p 2>MILSpec.Argument MILSpec.Program: 1p 2>MILSpec.Program.FunctionsEntry
  3p 4>MILSpec.Program.AttributesEntry MILSpec.Program.AttributesEntry: 1p 2>MILSpec.Value
  MILSpec.Program.FunctionsEntry: 1p 2>MILSpec.Function MILSpec.StateType: 1>MILSpec.ValueType
  MILSpec.TensorType: 1-2p 3>MILSpec.Dimension 4>MILSpec.TensorType.AttributesEntry
  MILSpec.TensorType.AttributesEntry: 1p 2>MILSpec.Value MILSpec.TensorValue:
  1>MILSpec.TensorValue.RepeatedFloats 2>MILSpec.TensorValue.RepeatedInts
  3>MILSpec.TensorValue.RepeatedBools 4>MILSpec.TensorValue.RepeatedStrings
  5>MILSpec.TensorValue.RepeatedLongInts 6>MILSpec.TensorValue.RepeatedDoubles
  7>MILSpec.TensorValue.RepeatedBytes MILSpec.TensorValue.RepeatedBools: 1d
  MILSpec.TensorValue.RepeatedBytes: 1d MILSpec.TensorValue.RepeatedDoubles: 1d
  MILSpec.TensorValue.RepeatedFloats: 1d MILSpec.TensorValue.RepeatedInts: 1d
  MILSpec.TensorValue.RepeatedLongInts: 1d MILSpec.TensorValue.RepeatedStrings: 1d MILSpec.TupleType:
  1>MILSpec.ValueType MILSpec.TupleValue: 1>MILSpec.Value MILSpec.Value: 1p 2>MILSpec.ValueType
  3>MILSpec.Value.ImmediateValue 5>MILSpec.Value.BlobFileValue MILSpec.Value.BlobFileValue: 1t 2p
  MILSpec.Value.ImmediateValue: 1>MILSpec.TensorValue 2>MILSpec.TupleValue 3>MILSpec.ListValue
  4>MILSpec.DictionaryValue MILSpec.ValueType: 1>MILSpec.TensorType 2>MILSpec.ListType 3>MILSpec.TupleType
  4>MILSpec.DictionaryType 5>MILSpec.StateType MatrixBandPartLayerParams: 1-2p MaxBroadcastableLayerParams:
  MaxLayerParams: MeanSquaredErrorLossLayer: 1-2p MeanVarianceNormalizeLayerParams: 1-3p Metadata: 1-4p
  100>Metadata.UserDefinedEntry Metadata.UserDefinedEntry: 1-2p MinBroadcastableLayerParams: MinLayerParams:
  ModBroadcastableLayerParams: Model: 1p 2>ModelDescription 10p 200>PipelineClassifier 201>PipelineRegressor
  202>Pipeline 300>GLMRegressor 301>SupportVectorRegressor 302>TreeEnsembleRegressor
  303>NeuralNetworkRegressor 304>BayesianProbitRegressor 400>GLMClassifier 401>SupportVectorClassifier
  402>TreeEnsembleClassifier 403>NeuralNetworkClassifier 404>KNearestNeighborsClassifier 500>NeuralNetwork
  501>ItemSimilarityRecommender 502>MILSpec.Program 555>CustomModel 556>LinkedModel
  560>ClassConfidenceThresholding 600>OneHotEncoder 601>Imputer 602>FeatureVectorizer 603>DictVectorizer
  604>Scaler 606>CategoricalMapping 607>Normalizer 609>ArrayFeatureExtractor 610>NonMaximumSuppression
  900>Identity 2000>Models.TextClassifier 2001>Models.WordTagger 2002>Models.VisionFeaturePrint
  2003>Models.SoundAnalysisPreprocessing 2004>Models.Gazetteer 2005>Models.WordEmbedding
  2006>Models.AudioFeaturePrint 3000>SerializedModel ModelDescription: 1>FeatureDescription
  10>FeatureDescription 11-12p 13>FeatureDescription 20>FunctionDescription 21p 50>FeatureDescription
  100>Metadata Models.AudioFeaturePrint: 20>Models.AudioFeaturePrint.Sound Models.AudioFeaturePrint.Sound:
  1p Models.Gazetteer: 1p 10p 100d 200>StringVector Models.SoundAnalysisPreprocessing:
  20>Models.SoundAnalysisPreprocessing.Vggish Models.SoundAnalysisPreprocessing.Vggish:
  Models.TextClassifier: 1p 10p 100d 200>StringVector Models.VisionFeaturePrint:
  20>Models.VisionFeaturePrint.Scene 21>Models.VisionFeaturePrint.Objects Models.VisionFeaturePrint.Objects:
  1p 100d Models.VisionFeaturePrint.Scene: 1p Models.WordEmbedding: 1p 10p 100d Models.WordTagger: 1p 10p
  20-23p 100d 200>StringVector MultiplyBroadcastableLayerParams: MultiplyLayerParams: 1p
  NearestNeighborsIndex: 1p 2>FloatVector 100>LinearIndex 110>SingleKdTreeIndex 200>SquaredEuclideanDistance
  NetworkUpdateParameters: 1>LossLayer 2>Optimizer 3>Int64Parameter 10>BoolParameter 20>Int64Parameter
  NeuralNetwork: 1>NeuralNetworkLayer 2>NeuralNetworkPreprocessing 5-6p 10>NetworkUpdateParameters
  NeuralNetworkClassifier: 1>NeuralNetworkLayer 2>NeuralNetworkPreprocessing 5-6p 10>NetworkUpdateParameters
  100>StringVector 101>Int64Vector 200p NeuralNetworkImageScaler: 10p 20-22p 30p NeuralNetworkLayer: 1p 2-3d
  4>Tensor 5>Tensor 10p 100>ConvolutionLayerParams 120>PoolingLayerParams 130>ActivationParams
  140>InnerProductLayerParams 150>EmbeddingLayerParams 160>BatchnormLayerParams
  165>MeanVarianceNormalizeLayerParams 170>L2NormalizeLayerParams 175>SoftmaxLayerParams 180>LRNLayerParams
  190>CropLayerParams 200>PaddingLayerParams 210>UpsampleLayerParams 211>ResizeBilinearLayerParams
  212>CropResizeLayerParams 220>UnaryFunctionLayerParams 230>AddLayerParams 231>MultiplyLayerParams
  240>AverageLayerParams 245>ScaleLayerParams 250>BiasLayerParams 260>MaxLayerParams 261>MinLayerParams
  270>DotProductLayerParams 280>ReduceLayerParams 290>LoadConstantLayerParams 300>ReshapeLayerParams
  301>FlattenLayerParams 310>PermuteLayerParams 320>ConcatLayerParams 330>SplitLayerParams
  340>SequenceRepeatLayerParams 345>ReorganizeDataLayerParams 350>SliceLayerParams
  400>SimpleRecurrentLayerParams 410>GRULayerParams 420>UniDirectionalLSTMLayerParams
  430>BiDirectionalLSTMLayerParams 500>CustomLayerParams 600>CopyLayerParams 605>BranchLayerParams
  615>LoopLayerParams 620>LoopBreakLayerParams 625>LoopContinueLayerParams 635>RangeStaticLayerParams
  640>RangeDynamicLayerParams 660>ClipLayerParams 665>CeilLayerParams 670>FloorLayerParams
  680>SignLayerParams 685>RoundLayerParams 700>Exp2LayerParams 710>SinLayerParams 715>CosLayerParams
  720>TanLayerParams 730>AsinLayerParams 735>AcosLayerParams 740>AtanLayerParams 750>SinhLayerParams
  755>CoshLayerParams 760>TanhLayerParams 770>AsinhLayerParams 775>AcoshLayerParams 780>AtanhLayerParams
  790>ErfLayerParams 795>GeluLayerParams 815>EqualLayerParams 820>NotEqualLayerParams
  825>LessThanLayerParams 827>LessEqualLayerParams 830>GreaterThanLayerParams 832>GreaterEqualLayerParams
  840>LogicalOrLayerParams 845>LogicalXorLayerParams 850>LogicalNotLayerParams 855>LogicalAndLayerParams
  865>ModBroadcastableLayerParams 870>MinBroadcastableLayerParams 875>MaxBroadcastableLayerParams
  880>AddBroadcastableLayerParams 885>PowBroadcastableLayerParams 890>DivideBroadcastableLayerParams
  895>FloorDivBroadcastableLayerParams 900>MultiplyBroadcastableLayerParams
  905>SubtractBroadcastableLayerParams 920>TileLayerParams 925>StackLayerParams 930>GatherLayerParams
  935>ScatterLayerParams 940>GatherNDLayerParams 945>ScatterNDLayerParams 950>SoftmaxNDLayerParams
  952>GatherAlongAxisLayerParams 954>ScatterAlongAxisLayerParams 960>ReverseLayerParams
  965>ReverseSeqLayerParams 975>SplitNDLayerParams 980>ConcatNDLayerParams 985>TransposeLayerParams
  995>SliceStaticLayerParams 1000>SliceDynamicLayerParams 1005>SlidingWindowsLayerParams
  1015>TopKLayerParams 1020>ArgMinLayerParams 1025>ArgMaxLayerParams 1040>EmbeddingNDLayerParams
  1045>BatchedMatMulLayerParams 1065>GetShapeLayerParams 1070>LoadConstantNDLayerParams
  1080>FillLikeLayerParams 1085>FillStaticLayerParams 1090>FillDynamicLayerParams
  1100>BroadcastToLikeLayerParams 1105>BroadcastToStaticLayerParams 1110>BroadcastToDynamicLayerParams
  1120>SqueezeLayerParams 1125>ExpandDimsLayerParams 1130>FlattenTo2DLayerParams 1135>ReshapeLikeLayerParams
  1140>ReshapeStaticLayerParams 1145>ReshapeDynamicLayerParams 1150>RankPreservingReshapeLayerParams
  1155>ConstantPaddingLayerParams 1170>RandomNormalLikeLayerParams 1175>RandomNormalStaticLayerParams
  1180>RandomNormalDynamicLayerParams 1190>RandomUniformLikeLayerParams 1195>RandomUniformStaticLayerParams
  1200>RandomUniformDynamicLayerParams 1210>RandomBernoulliLikeLayerParams
  1215>RandomBernoulliStaticLayerParams 1220>RandomBernoulliDynamicLayerParams
  1230>CategoricalDistributionLayerParams 1250>ReduceL1LayerParams 1255>ReduceL2LayerParams
  1260>ReduceMaxLayerParams 1265>ReduceMinLayerParams 1270>ReduceSumLayerParams 1275>ReduceProdLayerParams
  1280>ReduceMeanLayerParams 1285>ReduceLogSumLayerParams 1290>ReduceSumSquareLayerParams
  1295>ReduceLogSumExpLayerParams 1313>WhereNonZeroLayerParams 1315>MatrixBandPartLayerParams
  1320>LowerTriangularLayerParams 1325>UpperTriangularLayerParams 1330>WhereBroadcastableLayerParams
  1350>LayerNormalizationLayerParams 1400>NonMaximumSuppressionLayerParams 1450>OneHotLayerParams
  1455>CumSumLayerParams 1460>ClampedReLULayerParams 1461>ArgSortLayerParams 1465>Pooling3DLayerParams
  1466>GlobalPooling3DLayerParams 1470>SliceBySizeLayerParams 1471>Convolution3DLayerParams
  NeuralNetworkMeanImage: 1d NeuralNetworkPreprocessing: 1p 10>NeuralNetworkImageScaler
  11>NeuralNetworkMeanImage NeuralNetworkRegressor: 1>NeuralNetworkLayer 2>NeuralNetworkPreprocessing 5-6p
  10>NetworkUpdateParameters NonMaximumSuppression: 1>NonMaximumSuppression.PickTop 100>StringVector
  101>Int64Vector 110-111p 200-203p 210-211p NonMaximumSuppression.PickTop: 1p
  NonMaximumSuppressionLayerParams: 1-4p Normalizer: 1p NotEqualLayerParams: 1p OneHotEncoder:
  1>StringVector 2>Int64Vector 10-11p OneHotLayerParams: 1-4p Optimizer: 10>SGDOptimizer 11>AdamOptimizer
  PaddingLayerParams: 1>PaddingLayerParams.PaddingConstant 2>PaddingLayerParams.PaddingReflection
  3>PaddingLayerParams.PaddingReplication 10>BorderAmounts PaddingLayerParams.PaddingConstant: 1p
  PaddingLayerParams.PaddingReflection: PaddingLayerParams.PaddingReplication: PermuteLayerParams: 1d
  Pipeline: 1>Model 2d PipelineClassifier: 1>Pipeline PipelineRegressor: 1>Pipeline PolyKernel: 1-3p
  Pooling3DLayerParams: 1-15p PoolingLayerParams: 1p 10d 20d 30>ValidPadding 31>SamePadding
  32>PoolingLayerParams.ValidCompletePadding 50p 60p PoolingLayerParams.ValidCompletePadding: 10d
  PowBroadcastableLayerParams: PrecisionRecallCurve: 1>FloatVector 2>FloatVector 3>FloatVector 4>FloatVector
  QuantizationParams: 1p 101>LinearQuantizationParams 102>LookUpTableQuantizationParams RBFKernel: 1p
  RandomBernoulliDynamicLayerParams: 1-2p RandomBernoulliLikeLayerParams: 1-2p
  RandomBernoulliStaticLayerParams: 1-2p 3d RandomNormalDynamicLayerParams: 1-3p
  RandomNormalLikeLayerParams: 1-3p RandomNormalStaticLayerParams: 1-3p 4d RandomUniformDynamicLayerParams:
  1-3p RandomUniformLikeLayerParams: 1-3p RandomUniformStaticLayerParams: 1-3p 4d RangeDynamicLayerParams:
  2-3p RangeStaticLayerParams: 1-3p RankPreservingReshapeLayerParams: 1d ReduceL1LayerParams: 1d 2-3p
  ReduceL2LayerParams: 1d 2-3p ReduceLayerParams: 1-3p ReduceLogSumExpLayerParams: 1d 2-3p
  ReduceLogSumLayerParams: 1d 2-3p ReduceMaxLayerParams: 1d 2-3p ReduceMeanLayerParams: 1d 2-3p
  ReduceMinLayerParams: 1d 2-3p ReduceProdLayerParams: 1d 2-3p ReduceSumLayerParams: 1d 2-3p
  ReduceSumSquareLayerParams: 1d 2-3p ReorganizeDataLayerParams: 1-2p ReshapeDynamicLayerParams:
  ReshapeLayerParams: 1d 2p ReshapeLikeLayerParams: ReshapeStaticLayerParams: 1d ResizeBilinearLayerParams:
  1d 2>SamplingMode ReverseLayerParams: 1d ReverseSeqLayerParams: 1-2p RoundLayerParams: SGDOptimizer:
  1>DoubleParameter 2>Int64Parameter 3>DoubleParameter SamePadding: 1p SamplingMode: 1p ScaleLayerParams: 1d
  2>WeightParams 3p 4d 5>WeightParams Scaler: 1-2d ScatterAlongAxisLayerParams: 1-2p ScatterLayerParams:
  1-2p ScatterNDLayerParams: 1p SequenceFeatureType: 1>Int64FeatureType 3>StringFeatureType 101>SizeRange
  SequenceRepeatLayerParams: 1p SerializedModel: 1p 2d SigmoidKernel: 1-2p SignLayerParams:
  SimpleRecurrentLayerParams: 1-2p 10>ActivationParams 15p 20p 30>WeightParams 31>WeightParams
  32>WeightParams 100p SinLayerParams: SingleKdTreeIndex: 1p SinhLayerParams: SizeRange: 1-2p
  SliceBySizeLayerParams: 2-3p SliceDynamicLayerParams: 2-6d SliceLayerParams: 1-4p SliceStaticLayerParams:
  1-6d SlidingWindowsLayerParams: 1-3p SoftmaxLayerParams: SoftmaxNDLayerParams: 1p SparseNode: 1-2p
  SparseSupportVectors: 1>SparseVector SparseVector: 1>SparseNode SplitLayerParams: 1p SplitNDLayerParams:
  1-2p 3d SquaredEuclideanDistance: SqueezeLayerParams: 1d 2p StackLayerParams: 1p StateFeatureType:
  1>ArrayFeatureType StringFeatureType: StringParameter: 1t StringToDoubleMap: 1>StringToDoubleMap.MapEntry
  StringToDoubleMap.MapEntry: 1-2p StringToInt64Map: 1>StringToInt64Map.MapEntry StringToInt64Map.MapEntry:
  1-2p StringVector: 1d SubtractBroadcastableLayerParams: SupportVectorClassifier: 1>Kernel 2d
  3>SparseSupportVectors 4>DenseSupportVectors 5>Coefficients 6-8d 100>StringVector 101>Int64Vector
  SupportVectorRegressor: 1>Kernel 2>SparseSupportVectors 3>DenseSupportVectors 4>Coefficients 5p
  TanLayerParams: TanhLayerParams: Tensor: 1p 2d TileLayerParams: 1d TopKLayerParams: 1-3p
  TransposeLayerParams: 1d TreeEnsembleClassifier: 1>TreeEnsembleParameters 2p 100>StringVector
  101>Int64Vector TreeEnsembleParameters: 1>TreeEnsembleParameters.TreeNode 2p 3d
  TreeEnsembleParameters.TreeNode: 1-3p 10-14p 20>TreeEnsembleParameters.TreeNode.EvaluationInfo 30p
  TreeEnsembleParameters.TreeNode.EvaluationInfo: 1-2p TreeEnsembleRegressor: 1>TreeEnsembleParameters 2p
  UnaryFunctionLayerParams: 1-5p UniDirectionalLSTMLayerParams: 1-2p 10>ActivationParams 15>LSTMParams
  20>LSTMWeightParams 100p UniformWeighting: UpperTriangularLayerParams: 1p UpsampleLayerParams: 1d 5-6p 7d
  ValidPadding: 1>BorderAmounts WeightParams: 1-2d 30-31d 40>QuantizationParams 50p
  WhereBroadcastableLayerParams: WhereNonZeroLayerParams:
`);
